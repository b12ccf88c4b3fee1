/** Finds out what a location holds, from names and types of files only. Opens nothing. */
import { existsSync, lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { LanestoreError } from '../../../errors.js';
import { type ExpectedType, typeFindings } from '../../file-types.js';
import { didYouMean, likenessOf } from '../../likeness.js';
import { corruptionError } from '../format/corruption-error.js';
import { isCreatingName, LEVEL_DIR, type StorePaths, storePaths, VALUES_DIR } from '../format/paths.js';
import { NEW_WITNESS_FILE, WITNESS_FILE } from '../format/witness.js';

/** The remedy for a caller that asked for an existing store. */
const NAME_A_STORE = 'check the path: the location of a store is a directory that holds level/';

/** Names that a file system creates in its own root. */
const IGNORED_NAMES = new Set(['lost+found']);

const OWN_NAMES = [LEVEL_DIR, VALUES_DIR, WITNESS_FILE];
/** Names of LevelDB's files and of value files. Other directories are allowed: none is opened. */
const FILES_INSIDE = /^(?:CURRENT|LOCK|LOG|LOG\.old|MANIFEST-\d+|\d+\.(?:log|ldb|sst|dbtmp|values|preparing))$/;

function expectedType(path: string): ExpectedType {
  // A file with the name `level` belongs to another program.
  if (path === LEVEL_DIR) return 'either';
  if (path === VALUES_DIR) return 'directory';
  if (path === WITNESS_FILE || path === NEW_WITNESS_FILE) return 'file';
  return FILES_INSIDE.test(basename(path)) ? 'file' : 'either';
}

/** The paths of a location that is a directory, by its real path. @throws LANESTORE_NOT_A_STORE. */
export function existingLocation(location: string): StorePaths {
  const stat = statSync(location, { throwIfNoEntry: false });
  if (stat === undefined) throw noStore(location);
  if (!stat.isDirectory()) throw noDirectory(location);
  return storePaths(realpathSync(location));
}

/**
 * True if the location, an existing directory, holds a store; false if it is empty and `mayCreate`
 * is true.
 * @throws LANESTORE_NOT_A_STORE if it holds something else, or is empty and `mayCreate` is false;
 * LANESTORE_ROLLED_BACK with findings if other files of a store exist without its database;
 * LANESTORE_CORRUPT with findings if CURRENT is missing, or if one of the store's files is a link
 * or a special file.
 */
export function holdsStore(paths: StorePaths, mayCreate: boolean): boolean {
  const odd = typeFindings(paths.location, OWN_NAMES, 1, expectedType);
  // A file or link with this name is removed before the name is used. A directory would be left.
  if (lstatSync(join(paths.location, NEW_WITNESS_FILE), { throwIfNoEntry: false })?.isDirectory() === true)
    odd.push(...typeFindings(paths.location, [NEW_WITNESS_FILE], 0, expectedType));
  if (odd.length > 0) throw corruptionError(odd);
  const names = readdirSync(paths.location).filter((name) => !IGNORED_NAMES.has(name));
  if (names.includes(LEVEL_DIR)) {
    checkLevelDirectory(paths);
    return true;
  }
  refuseRest(paths.location, names);
  const foreign = names.filter((name) => !isCreatingName(name));
  if (foreign.length > 0) throw foreignDirectory(paths.location, foreign, mayCreate ? undefined : NAME_A_STORE);
  if (!mayCreate) throw noStore(paths.location);
  return false;
}

/** The error for a location without a store, where the caller must not create one. */
export function noStore(location: string): LanestoreError {
  const what = existsSync(location) ? `holds no store${didYouMean(location)}` : 'does not exist';
  return new LanestoreError('LANESTORE_NOT_A_STORE', `${location} ${what}`, { remedy: NAME_A_STORE });
}

function noDirectory(location: string): LanestoreError {
  const message = `${location} is not a directory${didYouMean(location)}`;
  return new LanestoreError('LANESTORE_NOT_A_STORE', message, { remedy: NAME_A_STORE });
}

/** Refuses witness or value files without a database: no interrupted creation leaves them. */
function refuseRest(location: string, names: readonly string[]): void {
  const left = names.filter((name) => name === WITNESS_FILE || name === VALUES_DIR).join(' and ');
  if (left === '') return;
  throw new LanestoreError(
    'LANESTORE_ROLLED_BACK',
    `${location} has ${left} but no ${LEVEL_DIR}: the database of this store is gone`,
    { findings: [{ kind: 'level-missing', file: LEVEL_DIR, detail: `only ${left} of the store is left` }] },
  );
}

function foreignDirectory(location: string, names: readonly string[], remedy: string | undefined): LanestoreError {
  if (likenessOf(location) === 'state') {
    return new LanestoreError(
      'LANESTORE_NOT_A_STORE',
      `${location} is a state directory of the original, not a store`,
      { remedy: 'make a store of it ("lanestore import", importState), or open it as it is, with openWal' },
    );
  }
  const what = names.includes('CURRENT')
    ? 'is a LevelDB database itself, not the location of a store, which has one in level/'
    : `holds other files (${names.slice(0, 5).join(', ')})`;
  const message = `${location} ${what}${didYouMean(location)}`;
  return new LanestoreError('LANESTORE_NOT_A_STORE', message, remedy === undefined ? {} : { remedy });
}

/**
 * Refuses a `level/` without CURRENT: LevelDB would create a new database in it, and delete the
 * tables of the old one.
 */
function checkLevelDirectory(paths: StorePaths): void {
  if (!lstatSync(paths.level).isDirectory()) {
    throw new LanestoreError('LANESTORE_NOT_A_STORE', `${paths.level} is not a directory`);
  }
  const names = readdirSync(paths.level);
  if (names.includes('CURRENT')) return;
  const detail =
    names.length === 0 ? 'the directory is empty' : `CURRENT is missing beside ${names.slice(0, 5).join(', ')}`;
  throw new LanestoreError('LANESTORE_CORRUPT', `${paths.level} is damaged: ${detail}`, {
    findings: [{ kind: 'current-missing', file: `${LEVEL_DIR}/CURRENT`, detail }],
  });
}
