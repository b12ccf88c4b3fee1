/**
 * Finds out whether another process has a LevelDB's directory open, without changing anything in
 * it.
 *
 * LevelDB opens an empty directory elsewhere, whose LOCK is a link to the LOCK of the directory in
 * question: a symbolic link in the directory for temporary files, or a hard link next to the store.
 * LevelDB takes the lock before it reads CURRENT, finds no CURRENT, and releases the lock.
 * /proc/locks is not enough: it omits holders in other containers.
 *
 * During the probe the lock belongs to this process. Afterwards this process holds no lock on the
 * file (docs/leveldb-hazards.md, Locks), so the caller must hold the in-process lock of the
 * directory (`../lock.ts`).
 */
import { lstatSync, mkdtempSync, rmSync } from 'node:fs';
import { link, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { makeBeside } from '../../../base/copy-place.js';
import { addLeftover } from '../../../base/leftovers.js';
import { LanestoreError } from '../../../errors.js';
import { openDatabase } from '../database.js';

/**
 * Refuses a directory that another process has open. Returns without error if the lock cannot be
 * probed: LOCK is absent or not writable, or no link to it can be made.
 * @throws LANESTORE_LOCKED.
 */
export async function refuseIfOpenElsewhere(level: string): Promise<void> {
  const lock = join(level, 'LOCK');
  // Through a link to an absent file, LevelDB would create that file.
  if (lstatSync(lock, { throwIfNoEntry: false }) === undefined) return;
  const scratch = (await inTemp(lock)) ?? (await besideStore(lock));
  if (scratch === undefined) return;
  try {
    const db = await openDatabase(scratch.path, {}, false);
    await db.close();
  } catch (error) {
    if (!(error instanceof LanestoreError) || error.code !== 'LANESTORE_LOCKED') return;
    throw new LanestoreError('LANESTORE_LOCKED', `${level} is open in another process, and is being written to`, {
      cause: error.cause,
    });
  } finally {
    await scratch.remove();
  }
}

/** A directory whose LOCK is a link to the LOCK in question. */
interface Scratch {
  readonly path: string;
  remove(): Promise<void>;
}

async function inTemp(lock: string): Promise<Scratch | undefined> {
  try {
    const path = mkdtempSync(join(tmpdir(), 'lanestore-lock-'));
    const forget = addLeftover(() => rmSync(path, { recursive: true, force: true }));
    const remove = () => rm(path, { recursive: true, force: true }).then(forget);
    return await withLock({ path, remove }, (link) => symlink(lock, link));
  } catch {
    return undefined;
  }
}

/**
 * Uses a hard link: under the permission model of Node.js, only a process that may read and write
 * everything can make symbolic links.
 */
async function besideStore(lock: string): Promise<Scratch | undefined> {
  try {
    return await withLock(await makeBeside(dirname(dirname(lock))), (path) => link(lock, path));
  } catch {
    return undefined;
  }
}

async function withLock(scratch: Scratch, put: (path: string) => Promise<void>): Promise<Scratch> {
  try {
    await put(join(scratch.path, 'LOCK'));
    return scratch;
  } catch (error) {
    await scratch.remove();
    throw error;
  }
}
