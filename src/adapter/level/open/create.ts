/**
 * Creates a store in a location (docs/design.md, Creation).
 *
 * The store is built in a directory next to `level/` and then renamed: `level/` is either absent or
 * a whole store, whenever the process dies.
 *   1. schema, tip and votes, one synced batch, into `level.creating-<random>/`; closed; its
 *      directory synced
 *   2. renamed to `level/`; the location and its parents synced
 *   3. the witness, synced, and the location once more; only then rounds Died in 1: the leftover is
 *      made anew. Died later: a store with seq 0, for which 2 and 3 are done again. A witness
 *      without `level/` cannot come from that.
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
 * Makes a whole, empty store in `level/`, steps 1 and 2 up to the rename; the open that follows
 * syncs the names.
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
    // Another process finished its creation first, and may have cleared ours away: then its store
    // is the store.
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
 * Removes, next to an open store, what remains of creations that were cut short or came too late,
 * an unfinished witness included.
 */
export async function removeLeftovers(paths: StorePaths, files: Files): Promise<void> {
  for (const name of readdirSync(paths.location)) {
    if (name !== NEW_WITNESS_FILE && !isCreatingName(name)) continue;
    try {
      await files.removeTree(join(paths.location, name));
    } catch (error) {
      // Another process is still writing into it, in vain.
      if ((error as NodeJS.ErrnoException).code !== 'ENOTEMPTY') throw error;
    }
  }
}

/**
 * Opens the witness, and writes nothing to one that is there. Before the first round every open
 * ends creation again, whatever an interrupted one had synced: first the names, so that no witness
 * outlives its database, then the witness. After an accepted rollback (`anew`) the witness is made
 * anew as well.
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

/** {@link prepareWitness}, and brings the witness up to the tip that was verified. */
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
