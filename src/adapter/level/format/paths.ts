/** The names of files and directories in a location. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { WITNESS_FILE } from './witness.js';

/**
 * The parts of a store: `<location>/level/`, `<location>/values/`, `<location>/witness`
 * (docs/format.md, A location).
 */
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
 * Prefix of the LevelDB's directory while it is created. Each creator uses a directory of its own,
 * so two creators never remove or rename each other's files. The rename to `level` succeeds for one
 * of them.
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

/** True for the name of a LevelDB that is being created, or whose creation was interrupted. */
export function isCreatingName(name: string): boolean {
  return name === CREATING_PREFIX || name.startsWith(`${CREATING_PREFIX}-`);
}
