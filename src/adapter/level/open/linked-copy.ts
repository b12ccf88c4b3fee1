/**
 * Recognises a copy of a store that was made of hard links (`cp -al`), which has the tip and the
 * witness of the store, and so would sign in its place.
 *
 * LevelDB makes LOCK once, after the directory, and never replaces it. Snapshots and private copies
 * do not link it. So a LOCK with another link, in a directory that is younger than LOCK, was linked
 * into that directory. The store itself, whose directory is older, is never taken for a copy.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';

const EXACT = { bigint: true, throwIfNoEntry: false } as const;

/**
 * True if the LOCK of the directory `level` was linked into it from another one, which still has
 * it. False where the file system counts no links, or keeps no times of birth.
 */
export function isLinkedCopy(level: string): boolean {
  const [directory, lock] = [statSync(level, EXACT), statSync(join(level, 'LOCK'), EXACT)];
  if (directory === undefined || lock === undefined || lock.nlink <= 1n) return false;
  // Without a time of birth, Node.js gives that of the last change.
  if (directory.birthtimeNs === directory.ctimeNs) return false;
  return directory.birthtimeNs > lock.birthtimeNs;
}
