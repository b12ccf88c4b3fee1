/**
 * Is another process at work in a LevelDB's directory? LevelDB's own lock tells, and asking must change nothing there: LevelDB itself is asked, to
 * open an empty directory elsewhere, whose LOCK is a link to the one in question. It takes the lock before it looks for a CURRENT,
 * finds none, and gives the lock back. /proc/locks would not do: it leaves out holders in other containers.
 *
 * The lock is this process's while LevelDB asks, and all that this process holds on the file is gone afterwards (leveldb-hazards.md section 8):
 * only for who has made sure that nobody in this process has the directory open (`../lock.ts`).
 */
import { lstatSync, mkdtempSync, rmSync } from 'node:fs';
import { rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addLeftover } from '../../base/leftovers.js';
import { LanestoreError } from '../../errors.js';
import { openDatabase } from './database.js';

/**
 * Refuses a directory that another process has open. Says nothing where that cannot be found out: a LOCK that is absent or not writable, nowhere
 * to put a link. @throws LANESTORE_LOCKED.
 */
export async function refuseIfOpenElsewhere(level: string): Promise<void> {
  const lock = join(level, 'LOCK');
  // Through a link to a file that is absent, LevelDB would make one.
  if (lstatSync(lock, { throwIfNoEntry: false }) === undefined) return;
  const scratch = makeScratch();
  if (scratch === undefined) return;
  const forget = addLeftover(() => rmSync(scratch, { recursive: true, force: true }));
  try {
    await symlink(lock, join(scratch, 'LOCK'));
    const db = await openDatabase(scratch, {}, false);
    await db.close();
  } catch (error) {
    if (!(error instanceof LanestoreError) || error.code !== 'LANESTORE_LOCKED') return;
    throw new LanestoreError('LANESTORE_LOCKED', `${level} is open in another process, and is being written to`, {
      cause: error.cause,
    });
  } finally {
    await rm(scratch, { recursive: true, force: true });
    forget();
  }
}

function makeScratch(): string | undefined {
  try {
    return mkdtempSync(join(tmpdir(), 'lanestore-lock-'));
  } catch {
    return undefined;
  }
}
