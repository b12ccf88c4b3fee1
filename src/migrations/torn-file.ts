/**
 * Torn or damaged? For a file that holds one protobuf message and does not decode. What a crash can leave of a file that is
 * written, then synced: nothing, its first bytes, or zeros where a sector had not been written. Rot does none of these; where the
 * two cannot be told apart it is damage, and never left out.
 */
import { readFrame } from '../adapter/wal/frame.js';

const SECTOR_BYTES = 512;
const LENGTH_DELIMITED = 2;
const VARINT = 0;

/** True if a crash can have left these bytes of a message that was being written. */
export function isCutShort(bytes: Uint8Array): boolean {
  return bytes.length === 0 || endsInZeroSectors(bytes) || endsWithinField(bytes);
}

function endsInZeroSectors(bytes: Uint8Array): boolean {
  let from = bytes.length;
  while (from > 0 && bytes[from - 1] === 0) from--;
  return Math.ceil(from / SECTOR_BYTES) * SECTOR_BYTES < bytes.length;
}

/** Goes from field to field of the outermost message; true if the bytes end inside of one. */
function endsWithinField(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; ) {
    const tag = readFrame(bytes, at);
    if (typeof tag === 'string') return tag === 'cut';
    const key = tag.end - tag.start;
    const content = readFrame(bytes, tag.start);
    if ((key & 7) === LENGTH_DELIMITED) {
      if (typeof content === 'string') return content === 'cut';
      at = content.end;
    } else if ((key & 7) === VARINT) {
      at = tag.start;
      while (at < bytes.length && (bytes[at] as number) >= 0x80) at++;
      at++;
    } else return false;
    if (at > bytes.length) return true;
  }
  return false;
}
