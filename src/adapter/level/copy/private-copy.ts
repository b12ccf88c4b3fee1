/** A database that is opened where it can do no harm: on a private copy, which goes away with the call. */

import { makeCopyPlace } from '../../../base/copy-place.js';
import { openDatabase } from '../database.js';
import { Engine } from '../engine.js';
import { corruptionError } from '../format/corruption-error.js';
import { type StorePaths, storePaths } from '../format/paths.js';
import { preflight } from '../preflight/index.js';
import { copyStore } from './copy.js';

/**
 * Copies the database of `paths`, whose `level/` exists, and its witness, and gives the copy to `use`, opened. Of the location it only
 * reads, and takes no lock. Values that stand in files of their own are not copied. `notes`: what was noticed and is no damage.
 * @throws LANESTORE_CORRUPT, LANESTORE_ROLLED_BACK with findings if preflight finds LevelDB's files damaged; LANESTORE_IO; what `use` throws; errors of the
 * file system as they are.
 */
export async function withPrivateCopy<T>(
  paths: StorePaths,
  use: (engine: Engine, notes: readonly string[]) => Promise<T>,
): Promise<T> {
  const place = await makeCopyPlace(paths.location, undefined);
  try {
    const copy = storePaths(place.path);
    const { witness } = await copyStore(paths, copy);
    const { findings, notes } = await preflight(copy.level, { witness });
    if (findings.length > 0) throw corruptionError(findings);
    const db = await openDatabase(copy.level, {}, false);
    try {
      return await use(new Engine(db), notes);
    } finally {
      await db.close();
    }
  } finally {
    await place.remove();
  }
}
