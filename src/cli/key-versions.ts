/** Reads the versions of a key from the files of a store, while a node may write to it. */
import { join } from 'node:path';
import { type KeyVersions, keyVersions } from '../adapter/level/index.js';

/** Upper bound of reads if a node removes a file during a read. */
const READS_MAX = 3;

/**
 * The versions of `key` in the store at `location`, read without LevelDB, a lock or a copy. Each
 * note names a file that could not be read.
 * @throws as `keyVersions`.
 */
export async function versionsAt(location: string, key: string): Promise<KeyVersions> {
  for (let reads = 1; ; reads++) {
    const found = await keyVersions(join(location, 'level'), key);
    if (found.notes.length === 0 || reads === READS_MAX) return found;
  }
}
