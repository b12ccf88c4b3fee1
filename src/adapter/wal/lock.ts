/**
 * One opener of a state directory; the original has no such lock. Between processes the LOCK of a small LevelDB in `<dir>/lock/`
 * does it, which the kernel frees when its holder dies. Inside of a process `../lock.ts` does.
 */
import { join } from 'node:path';
import type { ClassicLevel } from 'classic-level';
import { closeAll } from '../../base/close-stack.js';
import { LanestoreError } from '../../errors.js';
import { loadClassicLevel } from '../classic-level.js';
import { lockDirectory, refuseIfOpenHere } from '../lock.js';
import { messageOf } from './io.js';

/** The database's name in the state directory. It holds nothing. */
export const LOCK_DIR = 'lock';

/**
 * Locks the directory `location`, which exists. The function that it resolves to frees it.
 * @throws LANESTORE_LOCKED if another opener, here or in another process, holds it; LANESTORE_IO.
 */
export async function lockLocation(location: string): Promise<() => Promise<void>> {
  const unlock = await lockDirectory(location);
  try {
    const path = join(location, LOCK_DIR);
    refuseIfOpenHere(join(path, 'LOCK'));
    const db = await openLock(path, location);
    return () => closeAll([() => db.close(), unlock]);
  } catch (error) {
    unlock();
    throw error;
  }
}

async function openLock(path: string, location: string): Promise<ClassicLevel> {
  const LevelDB = await loadClassicLevel();
  const db: ClassicLevel = new LevelDB(path, { writeBufferSize: 64 * 1024, cacheSize: 0, compression: false });
  try {
    await db.open();
    return db;
  } catch (error) {
    const reason = (error as { cause?: { code?: string } }).cause;
    if (reason?.code === 'LEVEL_LOCKED') {
      throw new LanestoreError('LANESTORE_LOCKED', `${location} is open in another process`, { cause: error });
    }
    const hint = 'it holds no data: with no node running it may be removed';
    throw new LanestoreError('LANESTORE_IO', `cannot open the lock ${path} (${hint}): ${messageOf(reason ?? error)}`, {
      cause: error,
    });
  }
}
