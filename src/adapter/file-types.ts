/**
 * A state directory may come from others: a snapshot, a backup, an archive. What is a link in it would be written through, and opening a FIFO
 * would not end. So before anything in it is opened, everything must be a regular file or a directory. The location itself, and what leads
 * to it, may well be a link.
 */
import { oddEntries } from '../base/odd-entries.js';
import type { Finding } from '../errors.js';

/** Of more than this the rest is not looked for. */
const FINDINGS_MAX = 1000;

/** Findings for the entries among `names` in `location`, and `depth` levels below them, that are of another type; `advice` ends each. */
export function typeFindings(
  location: string,
  names: readonly string[],
  depth: number,
  advice = 'a store has regular files and directories only: find out who put it there, and put the file itself in its place',
): Finding[] {
  return oddEntries(location, names, depth, FINDINGS_MAX).map(({ path, kind }) => ({
    kind: 'file-type',
    file: path,
    detail: `it is ${kind}; ${advice}`,
  }));
}
