/**
 * What a location holds, and how a store comes to be in it (docs/design.md, Creation; docs/design.md, Opening).
 *
 * Creation happens beside its place and is renamed into it: `level/` is either absent or a whole store, whenever the process dies.
 *   1. schema and tip, one synced batch, into `level.creating-<random>/`; closed; its directory synced
 *   2. renamed to `level/`; the location and its parents synced
 *   3. the witness, synced, and the location once more; only then rounds
 * Died in 1: the leftover is made anew. Died later: a store with seq 0, for which 2 and 3 are done again. A witness without `level/`
 * cannot come from that.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { syncDirectory } from '../../../base/synced-file.js';
import { LanestoreError } from '../../../errors.js';
import { SCHEMA_KEY, TIP_KEY } from '../../../keys/index.js';
import { typeFindings } from '../../file-types.js';
import { didYouMean, likenessOf } from '../../likeness.js';
import { type LevelOptions, openDatabase } from '../database.js';
import { Engine } from '../engine.js';
import { corruptionError } from '../format/corruption-error.js';
import { creatingName, isCreatingName, LEVEL_DIR, type StorePaths, VALUES_DIR } from '../format/paths.js';
import { encodeSchema, FORMAT } from '../format/schema.js';
import { encodeTip, firstTip, STORE_ID_BYTES } from '../format/tip.js';
import { NEW_WITNESS_FILE, WITNESS_FILE } from '../format/witness.js';

/** What to do for one who wants a store that is there. */
export const NAME_A_STORE = 'check the path: the location of a store is a directory that holds level/';

/** What stands in the root of a file system on its own, and is nobody's. */
const IGNORED_NAMES = new Set(['lost+found']);

/**
 * Tells whether a store must be created in the location, an existing directory. `remedy`: of the error for something else, if none would be made.
 * @throws LANESTORE_NOT_A_STORE if something else is there; LANESTORE_ROLLED_BACK if a store was there and its database is gone;
 * LANESTORE_CORRUPT if the database lacks what every LevelDB has.
 */
export function needsCreation(paths: StorePaths, remedy?: string): boolean {
  const names = readdirSync(paths.location).filter((name) => !IGNORED_NAMES.has(name));
  if (names.includes(LEVEL_DIR)) {
    checkLevelDirectory(paths);
    return false;
  }
  const left = names.filter((name) => name === WITNESS_FILE || name === VALUES_DIR);
  if (left.length > 0) {
    throw new LanestoreError(
      'LANESTORE_ROLLED_BACK',
      `${paths.location} has ${left.join(' and ')} but no ${LEVEL_DIR}: the database of this store is gone`,
      {
        findings: [
          { kind: 'level-missing', file: LEVEL_DIR, detail: `only ${left.join(' and ')} of the store is left` },
        ],
      },
    );
  }
  const foreign = names.filter((name) => !isCreatingName(name));
  if (foreign.length === 0) return true;
  throw foreignDirectory(paths.location, foreign, remedy);
}

function foreignDirectory(location: string, names: readonly string[], remedy: string | undefined): LanestoreError {
  if (likenessOf(location) === 'state') {
    return new LanestoreError(
      'LANESTORE_NOT_A_STORE',
      `${location} is a state directory of the original, not a store`,
      {
        remedy: 'make a store of it ("lanestore import", importState), or open it as it is, with openWal',
      },
    );
  }
  const what = names.includes('CURRENT')
    ? 'is a LevelDB database itself, not the location of a store, which has one in level/'
    : `holds other files (${names.slice(0, 5).join(', ')})`;
  const message = `${location} ${what}${didYouMean(location)}`;
  return new LanestoreError('LANESTORE_NOT_A_STORE', message, remedy === undefined ? {} : { remedy });
}

/** Refuses a store that has links or special files among its own. Nothing of it is opened. @throws LANESTORE_CORRUPT with findings. */
export function refuseOtherTypes(paths: StorePaths): void {
  const findings = typeFindings(paths.location, [LEVEL_DIR, VALUES_DIR, WITNESS_FILE], 1);
  if (findings.length > 0) throw corruptionError(findings);
}

/** LevelDB would make a new database where CURRENT is missing, and delete the tables of the old one. */
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

/** Makes a whole, empty store in `level/`, steps 1 and 2 up to the rename; the open that follows syncs the names. */
export async function createLevel(paths: StorePaths, model: string, options: LevelOptions): Promise<void> {
  const creating = join(paths.location, creatingName());
  try {
    await writeEmptyStore(creating, model, options);
    await syncDirectory(creating);
    renameSync(creating, paths.level);
  } catch (error) {
    rmSync(creating, { recursive: true, force: true });
    // Another process finished its creation first, and may have cleared ours away: then its store is the store.
    if (!existsSync(paths.level)) throw error;
  }
}

async function writeEmptyStore(path: string, model: string, options: LevelOptions): Promise<void> {
  const db = await openDatabase(path, options, true);
  try {
    const store = new Uint8Array(randomBytes(STORE_ID_BYTES));
    const schema = encodeSchema({ format: FORMAT, model, store, createdAt: new Date().toISOString() });
    await new Engine(db).write([
      { type: 'put', key: TIP_KEY, value: encodeTip(firstTip(store)).bytes },
      { type: 'put', key: SCHEMA_KEY, value: schema.bytes },
    ]);
  } finally {
    await db.close();
  }
}

/** Removes what creations left that were cut short, or came too late, beside a store that is open; also of a witness. */
export function removeLeftovers(paths: StorePaths): void {
  rmSync(join(paths.location, NEW_WITNESS_FILE), { force: true });
  for (const name of readdirSync(paths.location).filter(isCreatingName)) {
    try {
      rmSync(join(paths.location, name), { recursive: true, force: true });
    } catch (error) {
      // Another process is still writing into it, in vain.
      if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
    }
  }
}
