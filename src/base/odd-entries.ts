/** What stands in a directory tree and is neither a regular file nor a directory. */
import { type Dirent, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { kindOf } from './open-file.js';

/** A link, a FIFO, a socket or a device. */
export interface OddEntry {
  /** Relative to the root. */
  readonly path: string;
  /** As people call it, e.g. `a FIFO`. */
  readonly kind: string;
}

/**
 * The odd entries among `names` in `root`, and below them down to `depth` levels, at most `max`. Nothing is opened, and no link followed. What is
 * absent, goes away meanwhile, or cannot be listed, is no odd entry.
 */
export function oddEntries(root: string, names: readonly string[], depth: number, max: number): OddEntry[] {
  const found: OddEntry[] = [];
  const look = (
    path: string,
    entry: Pick<Dirent, 'isFile' | 'isDirectory'> & Parameters<typeof kindOf>[0],
    left: number,
  ) => {
    if (found.length >= max || entry.isFile()) return;
    if (!entry.isDirectory()) found.push({ path, kind: kindOf(entry) });
    else if (left > 0) for (const child of entriesOf(join(root, path))) look(join(path, child.name), child, left - 1);
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
