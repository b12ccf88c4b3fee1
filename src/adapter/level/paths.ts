/** The names in a location, and the directory operations that make a change of names survive power loss. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { syncDirectory } from '../../base/directory-sync.js';
import { WITNESS_FILE } from './witness.js';

/** What stands in a location: `<location>/level/`, `<location>/values/`, `<location>/witness` (design.md section 4). */
export interface StorePaths {
  readonly location: string;
  /** The LevelDB. */
  readonly level: string;
  /** Files of separated values. */
  readonly values: string;
  readonly witness: string;
}

/** The LevelDB's directory in a location. */
export const LEVEL_DIR = 'level';
/**
 * What its name begins with while it is created. Each creator has a directory of its own, so that none can clear away, or rename, what
 * another one is in the middle of; the rename to `level` decides between them.
 */
const CREATING_PREFIX = 'level.creating';
/** The directory of separated values in a location. */
export const VALUES_DIR = 'values';

/** The paths of the store in `location`, an absolute path. */
export function storePaths(location: string): StorePaths {
  return {
    location,
    level: join(location, LEVEL_DIR),
    values: join(location, VALUES_DIR),
    witness: join(location, WITNESS_FILE),
  };
}

/** A name for a LevelDB that is being created, given to nobody else. */
export function creatingName(): string {
  return `${CREATING_PREFIX}-${randomBytes(8).toString('hex')}`;
}

/** True for the name of a LevelDB that is being created, or of what an interrupted creation left. */
export function isCreatingName(name: string): boolean {
  return name === CREATING_PREFIX || name.startsWith(`${CREATING_PREFIX}-`);
}

/**
 * Makes a directory and its parents, mode 0700. {@link syncNames} makes that durable. Node's own recursive mkdir does not end where
 * mkdir says ENOENT below a directory that exists, as in /proc.
 */
export function makeDirectory(path: string): void {
  if (madeIn(path)) return;
  makeDirectory(dirname(path));
  if (!madeIn(path)) throw new Error(`${dirname(path)} went away while ${path} was made`);
}

/** Makes `path` unless it is there; false if its parent is absent. */
function madeIn(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !existsSync(dirname(path))) return false;
    if (code !== 'EEXIST') throw error;
  }
  return true;
}

/**
 * Makes the names in `path` durable, and its own name in its parent, up to the root: whoever made those directories, and whenever
 * he died. A parent that cannot be opened or synced (search permission only, a read-only mount) holds no name that was made here.
 */
export function syncNames(path: string): void {
  syncDirectory(path);
  for (let child = path, parent = dirname(path); parent !== child; child = parent, parent = dirname(parent)) {
    try {
      syncDirectory(parent);
    } catch (error) {
      if (!UNSYNCABLE.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
}

const UNSYNCABLE = new Set(['EACCES', 'EPERM', 'EROFS', 'EINVAL']);
