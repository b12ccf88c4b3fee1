/** States for the tests of bad input. */
import { readFileSync } from 'node:fs';

/** The log of CommitQCs. */
export const QC_SEGMENT = 'commitqcs/00000000000000000032';

/** The entries of a segment, without their lengths. */
export function entriesIn(file: string): Uint8Array[] {
  const bytes = readFileSync(file);
  const entries: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    let length = 0;
    let shift = 0;
    for (let more = true; more; shift += 7) {
      const byte = bytes[at++]!;
      length |= (byte & 0x7f) << shift;
      more = byte >= 0x80;
    }
    entries.push(new Uint8Array(bytes.subarray(at, at + length)));
    at += length;
  }
  return entries;
}
