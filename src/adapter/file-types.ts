/**
 * Checks the types of files in a state directory, which may be a snapshot, a backup or an extracted
 * archive of unknown origin. A write would follow a link out of the directory, and opening a FIFO
 * would block. So before anything in it is opened, every entry must be a regular file or a
 * directory. The location itself, and the path to it, may be links.
 */
import { type Dirent, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { kindOf } from '../base/open-file.js';
import type { Finding } from '../errors.js';
import { FINDINGS_MAX } from './finding-list.js';

/** The expected type of a name; `either` for names that are not ours. */
export type ExpectedType = 'file' | 'directory' | 'either';

/**
 * Findings, at most {@link FINDINGS_MAX}, for the entries among `names` in `location`, and up to
 * `depth` levels below them, whose type is not the one that `expected` returns for their path.
 * Links and special files are always findings. `advice` ends each finding.
 */
export function typeFindings(
  location: string,
  names: readonly string[],
  depth: number,
  expected: (path: string) => ExpectedType,
  advice = 'a store has regular files and directories only: find out how it got there, and replace it by the file itself',
): Finding[] {
  return oddEntries(location, names, depth, expected).map(({ path, kind }) => ({
    kind: 'file-type',
    file: path,
    detail: `it is ${kind}; ${advice}`,
  }));
}

interface OddEntry {
  /** Relative to the root. */
  readonly path: string;
  /** Its type, e.g. `a FIFO`. */
  readonly kind: string;
}

/**
 * Opens nothing, and follows no link. Entries that are absent, disappear meanwhile, or cannot be
 * listed are skipped.
 */
function oddEntries(
  root: string,
  names: readonly string[],
  depth: number,
  expected: (path: string) => ExpectedType,
): OddEntry[] {
  const found: OddEntry[] = [];
  const look = (
    path: string,
    entry: Pick<Dirent, 'isFile' | 'isDirectory'> & Parameters<typeof kindOf>[0],
    left: number,
  ) => {
    if (found.length >= FINDINGS_MAX) return;
    const type = entry.isFile() ? 'file' : entry.isDirectory() ? 'directory' : undefined;
    const wanted = expected(path);
    if (type === undefined || (wanted !== 'either' && wanted !== type)) found.push({ path, kind: kindOf(entry) });
    else if (type === 'directory' && left > 0)
      for (const child of entriesOf(join(root, path))) look(join(path, child.name), child, left - 1);
  };
  for (const name of names) {
    const stat = lstatSync(join(root, name), { throwIfNoEntry: false });
    if (stat !== undefined) look(name, stat, depth);
  }
  return found;
}

function entriesOf(directory: string): Dirent[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch {
    // Ignored here: the caller opens the directory next, and reports the same error with its
    // context.
    return [];
  }
}
