/**
 * Creates a store in a location (docs/design.md, Creation).
 *
 * The store is built in a directory next to `level/` and then renamed: `level/` is either absent or
 * a complete store, whenever the process dies.
 *   1. schema, tip and votes, one synced batch, into `level.creating-<random>/`; closed; its
 *      directory synced
 *   2. renamed to `level/`; the location and its parents synced
 *   3. the witness is written and synced, and the location is synced again; only then are rounds
 *      accepted
 *
 * After a crash in step 1, the leftover is removed and the store is made again. After a later crash
 * there is a store with seq 0: the next open repeats the syncs of step 2, and step 3. So no crash
 * leaves a witness without `level/`.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { syncNames } from '../../../base/directories.js';
import type { Files } from '../../../base/files.js';
import { type LevelOptions, openDatabase } from '../database.js';
import { Engine } from '../engine.js';
import { firstBatch } from '../format/first-batch.js';
import { creatingName, isCreatingName, type StorePaths } from '../format/paths.js';
import type { Tip } from '../format/tip.js';
import { NEW_WITNESS_FILE, Witness } from '../format/witness.js';

/**
 * Makes a complete, empty store in `level/`: step 1, and step 2 up to the rename. The following
 * open syncs the directories.
 */
export async function createLevel(
  paths: StorePaths,
  model: string,
  options: LevelOptions,
  files: Files,
): Promise<void> {
  const creating = join(paths.location, creatingName());
  try {
    await writeEmptyStore(creating, model, options);
    await files.syncDirectory(creating);
    await files.rename(creating, paths.level);
  } catch (error) {
    await files.removeTree(creating).catch(() => undefined);
    // Another process finished its creation first, and may have removed this one's directory: its
    // store is used.
    if (!existsSync(paths.level)) throw error;
  }
}

async function writeEmptyStore(path: string, model: string, options: LevelOptions): Promise<void> {
  const db = await openDatabase(path, options, true);
  try {
    await new Engine(db).write(firstBatch(model));
  } finally {
    await db.close();
  }
}

/**
 * Removes the leftovers of interrupted or superseded creations next to an open store, including an
 * unfinished witness.
 */
export async function removeLeftovers(paths: StorePaths, files: Files): Promise<void> {
  for (const name of readdirSync(paths.location)) {
    if (name !== NEW_WITNESS_FILE && !isCreatingName(name)) continue;
    try {
      await files.removeTree(join(paths.location, name));
    } catch (error) {
      // Another process is still writing into it; its creation will fail.
      if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
    }
  }
}

/**
 * Opens the witness. Changes an existing one in two cases only. Before the first round, every open
 * repeats the end of creation, because an interrupted open may not have synced it: first the
 * directories, so that no witness exists without its database, then the witness. After an accepted
 * rollback (`anew`) the witness is replaced.
 */
export async function prepareWitness(paths: StorePaths, tip: Tip, anew: boolean, files: Files): Promise<Witness> {
  if (tip.seq === 0n || anew) {
    await files.syncDirectory(paths.location);
    await syncNames(paths.location, (directory) => files.syncDirectory(directory));
    await Witness.create(files, paths.witness, tip.store, tip.seq);
    await files.syncDirectory(paths.location);
  }
  return Witness.open(files, paths.witness, tip.store);
}

/** As {@link prepareWitness}; then updates the witness to the verified tip. */
export async function openWitness(paths: StorePaths, tip: Tip, anew: boolean, files: Files): Promise<Witness> {
  const witness = await prepareWitness(paths, tip, anew, files);
  try {
    witness.write(tip.seq);
  } catch (error) {
    await witness.close();
    throw error;
  }
  return witness;
}
