/** The names in a location. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { WITNESS_FILE } from './witness.js';

/** What stands in a location: `<location>/level/`, `<location>/values/`, `<location>/witness` (docs/format.md, A location). */
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

/** A unique name for a LevelDB that is being created. */
export function creatingName(): string {
  return `${CREATING_PREFIX}-${randomBytes(8).toString('hex')}`;
}

/** True for the name of a LevelDB that is being created, or of what an interrupted creation left. */
export function isCreatingName(name: string): boolean {
  return name === CREATING_PREFIX || name.startsWith(`${CREATING_PREFIX}-`);
}
