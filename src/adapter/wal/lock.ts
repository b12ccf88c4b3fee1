/**
 * The lock of a state directory, which allows one opener at a time. The original has no such lock.
 * Between processes, the lock is the LOCK of a small LevelDB in `<dir>/lock/`, which the kernel
 * releases when the process ends. Within a process, `../lock.ts` provides the lock.
 *
 * LevelDB takes its lock only when it opens a database, and opening one writes a few blocks. If the
 * disk has no space for them, the database is opened in another directory, in memory if possible.
 * Its LOCK is a link to the real one, so all versions of this package use the same lock. If that
 * fails too, the reserve is given up to make room.
 */
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClassicLevel } from 'classic-level';
import { closeAll } from '../../base/close-stack.js';
import type { HeldLock } from '../../base/held-lock.js';
import { LanestoreError } from '../../errors.js';
import { loadClassicLevel } from '../classic-level.js';
import { lockDirectory, openLocked, refuseIfOpenHere } from '../lock.js';
import { messageOf } from './io.js';
import { RESERVE_FILE, Reserve } from './reserve.js';

/** The database's name in the state directory. The database has no entries. */
export const LOCK_DIR = 'lock';

/**
 * Directories in which a database can be opened without space on the disk of the state. The first
 * one is in memory, on Linux.
 */
function elsewhere(): readonly string[] {
  return ['/dev/shm', tmpdir()];
}

/** A locked state directory. */
export interface LocationLock {
  readonly directory: string;
  readonly file: string;
  /** Checks that the lock is still held; undefined where the system does not show locks. */
  readonly held: HeldLock | undefined;
  readonly reserve: Reserve;
  free(): Promise<void>;
}

/**
 * Locks the directory `location`, which must exist. If its disk is full, the lock is taken through
 * one of `places`.
 * @throws LANESTORE_LOCKED if another opener, in this or another process, holds it; LANESTORE_IO.
 */
export async function lockLocation(location: string, places = elsewhere()): Promise<LocationLock> {
  const unlock = await lockDirectory(location);
  try {
    const directory = join(location, LOCK_DIR);
    const file = join(directory, 'LOCK');
    const reserve = new Reserve(join(directory, RESERVE_FILE));
    refuseIfOpenHere(file);
    const { db, lock } = await openLocked(file, () => openLock(directory, location, reserve, places));
    const free = () => closeAll([() => lock?.close(), () => db.close(), unlock]);
    return { directory, file, held: lock, reserve, free };
  } catch (error) {
    unlock();
    throw error;
  }
}

async function openLock(
  path: string,
  location: string,
  reserve: Reserve,
  places: readonly string[],
): Promise<ClassicLevel> {
  try {
    return await openDatabase(path, location);
  } catch (error) {
    if (error instanceof LanestoreError) throw error;
    const db = await openElsewhere(join(path, 'LOCK'), location, places);
    if (db !== undefined) return db;
    // The database has no entries, so a failure to open it is not damage of the state.
    const again = (await reserve.giveUp()) ? await openDatabase(path, location).catch(keepLocked) : undefined;
    if (again !== undefined) return again;
    const hint = 'it holds no data: with no node running it may be removed';
    const reason = (error as { cause?: unknown }).cause ?? error;
    throw new LanestoreError('LANESTORE_IO', `cannot open the lock ${path} (${hint}): ${messageOf(reason)}`, {
      cause: error,
    });
  }
}

/**
 * @internal Takes the lock `lockFile` through a link to it, in the first of `places` where a
 * database can be opened; undefined if there is none. The directory is removed again: LevelDB needs
 * no file of a database that is never written to.
 * @throws LANESTORE_LOCKED.
 */
export async function openElsewhere(
  lockFile: string,
  location: string,
  places: readonly string[],
): Promise<ClassicLevel | undefined> {
  for (const place of places) {
    const scratch = await mkdtemp(join(place, 'lanestore-lock-')).catch(() => undefined);
    if (scratch === undefined) continue;
    try {
      await symlink(lockFile, join(scratch, 'LOCK'));
      return await openDatabase(scratch, location);
    } catch (error) {
      keepLocked(error);
    } finally {
      // Ignored: a directory that stays is empty or holds a database without entries.
      await rm(scratch, { recursive: true, force: true }).catch(() => undefined);
    }
  }
  return undefined;
}

/** @throws LANESTORE_LOCKED; any other error of classic-level unchanged. */
async function openDatabase(path: string, location: string): Promise<ClassicLevel> {
  const LevelDB = await loadClassicLevel();
  const db: ClassicLevel = new LevelDB(path, { writeBufferSize: 64 * 1024, cacheSize: 0, compression: false });
  try {
    await db.open();
    return db;
  } catch (error) {
    const reason = (error as { cause?: { code?: string } }).cause;
    if (reason?.code !== 'LEVEL_LOCKED') throw error;
    throw new LanestoreError('LANESTORE_LOCKED', `${location} is open in another process`, { cause: error });
  }
}

/**
 * Rethrows LANESTORE_LOCKED. Ignores any other failure: the caller then tries another directory.
 */
function keepLocked(error: unknown): undefined {
  if (error instanceof LanestoreError) throw error;
  return undefined;
}
