/** The versions of a key in the files of a store that a node may write to. */
import { join } from 'node:path';
import { type KeyVersions, keyVersions } from '../adapter/level/index.js';

/** Number of times that files are read again if a node removed one of them meanwhile. */
const READS_MAX = 3;

/**
 * The versions of `key` in the store at `location`, without LevelDB, a lock or a copy. With notes,
 * some file could not be read.
 * @throws as `keyVersions`.
 */
export async function versionsAt(location: string, key: string): Promise<KeyVersions> {
  for (let reads = 1; ; reads++) {
    const found = await keyVersions(join(location, 'level'), key);
    if (found.notes.length === 0 || reads === READS_MAX) return found;
  }
}
