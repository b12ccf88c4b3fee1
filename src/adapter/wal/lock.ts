/**
 * One opener of a state directory; the original has no such lock. Between processes the LOCK of a
 * small LevelDB in `<dir>/lock/` does it, which the kernel frees when its holder dies. Inside of a
 * process `../lock.ts` does.
 *
 * LevelDB gives out its lock only with a database, and to open one it writes a few blocks. Where
 * the disk has none, the database is opened in a directory elsewhere, in memory if there is one,
 * whose LOCK is a link to this one: the lock is the same, for every version of this package. Where
 * that cannot be done either, the reserve is given up for it.
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

/** The database's name in the state directory. It holds nothing. */
export const LOCK_DIR = 'lock';

/**
 * Directories where a database can be opened that needs no space on the disk of the state; the
 * first is memory, on Linux.
 */
function elsewhere(): readonly string[] {
  return ['/dev/shm', tmpdir()];
}

/** A state directory that is locked. */
export interface LocationLock {
  readonly directory: string;
  readonly file: string;
  /** For looking if it is still held; absent where the system does not say. */
  readonly held: HeldLock | undefined;
  readonly reserve: Reserve;
  free(): Promise<void>;
}

/**
 * Locks the directory `location`, which exists. `places` are tried where its own disk is full.
 * @throws LANESTORE_LOCKED if another opener, here or in another process, holds it; LANESTORE_IO.
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
    // It holds nothing: that it does not open says nothing of the state.
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
 * database can be opened; undefined if there is none. Nothing is left there: LevelDB needs no file
 * of a database that is never written to.
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
      // What stays is empty, or holds a database without entries.
      await rm(scratch, { recursive: true, force: true }).catch(() => undefined);
    }
  }
  return undefined;
}

/** @throws LANESTORE_LOCKED; what classic-level throws for everything else. */
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

/** Of the reasons why a database does not open, only this one is about the lock. */
function keepLocked(error: unknown): undefined {
  if (error instanceof LanestoreError) throw error;
  return undefined;
}
