/**
 * A state directory may come from others: a snapshot, a backup, an archive. What is a link in it would be
 * written through, and opening a FIFO would not end. So before anything in it is opened, everything must be a
 * regular file or a directory. The location itself, and what leads to it, may well be a link.
 */
import { type Dirent, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { kindOf } from '../base/open-file.js';
import type { Finding } from '../errors.js';
import { FINDINGS_MAX } from './finding-list.js';

/** What must stand under a name: `either` for names that are not ours. */
export type ExpectedType = 'file' | 'directory' | 'either';

/**
 * Findings, at most {@link FINDINGS_MAX}, for the entries among `names` in `location`, and `depth` levels
 * below them, that are of another type than `expected` says of their path; links and special files always
 * are. `advice` ends each.
 */
export function typeFindings(
  location: string,
  names: readonly string[],
  depth: number,
  expected: (path: string) => ExpectedType,
  advice = 'a store has regular files and directories only: find out who put it there, and put the file itself in its place',
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
  /** What it is, e.g. `a FIFO`. */
  readonly kind: string;
}

/** Nothing is opened, and no link followed. What is absent, goes away meanwhile, or cannot be listed, is no odd entry. */
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
    // Ignored here: the caller opens the directory next, and reports the same error with what it was for.
    return [];
  }
}
