/**
 * Ensures at most one opener of a store. Between processes, LevelDB's own LOCK does. Within a
 * process it does not: the fcntl lock belongs to the process, and is released when any descriptor
 * of LOCK is closed in it. So a second open that fails releases the lock of the first one, and a
 * path through a symlink, or a relative path, is not found in LevelDB's own list. Therefore:
 *
 *   1. a second open in this process, in any of its threads, is refused before anything touches
 *      LOCK: {@link lockDirectory}
 *   2. so is an open while a bare classic-level, or another version of this package, has the store
 *      open in this process: {@link refuseIfOpenHere}
 *   3. after LevelDB was opened, the kernel shows whether the lock is really held:
 *      {@link openLocked}
 *   4. this is checked again with the batches (location-guard.ts), because nothing prevents an
 *      application from opening and closing LOCK
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { HeldLock } from '../base/held-lock.js';
import { identityAt, identityOf } from '../base/pinned-path.js';
import { lockThreads } from '../base/thread-lock.js';
import { LanestoreError } from '../errors.js';

/** Shared by all copies of this module in a thread, also of other versions and bundles. */
const REGISTRY = Symbol.for('lanestore.openers');

interface Registry {
  /** Open locations by device and inode, so that a symlink or bind mount is the same location. */
  readonly directories: Set<string>;
  /** For each database of a caller: the prefixes in use. */
  readonly databases: WeakMap<object, Set<string>>;
}

/** Releases the lock. Idempotent. */
export type Unlock = () => void;

function registry(): Registry {
  const holder = globalThis as { [REGISTRY]?: Registry };
  holder[REGISTRY] ??= { directories: new Set(), databases: new WeakMap() };
  return holder[REGISTRY];
}

/**
 * Registers an opener of the directory `location`, which must exist. No other thread of this
 * process can register one until it is released.
 * @throws LANESTORE_LOCKED if there is an opener in any thread of this process.
 */
export async function lockDirectory(location: string): Promise<Unlock> {
  const identity = identityOf(statSync(location, { bigint: true }));
  const { directories } = registry();
  if (directories.has(identity)) throw lockedHere(location);
  directories.add(identity);
  try {
    const release = await lockThreads(identity.replace(':', '-'));
    if (release === undefined) throw lockedHere(location);
    return () => {
      release();
      directories.delete(identity);
    };
  } catch (error) {
    directories.delete(identity);
    throw error;
  }
}

/**
 * Registers an opener of a prefix of a caller's database.
 * @throws LANESTORE_LOCKED if a store is open on the same prefix, or on one that contains it or is
 * contained in it.
 */
export function lockDatabase(root: object, prefix: string): Unlock {
  const { databases } = registry();
  const prefixes = databases.get(root) ?? new Set();
  databases.set(root, prefixes);
  for (const open of prefixes) {
    // Nested prefixes share keys: the outer store would report the inner store's keys as strays.
    if (!open.startsWith(prefix) && !prefix.startsWith(open)) continue;
    throw new LanestoreError('LANESTORE_LOCKED', `a store is open already on this database, prefix "${open}"`);
  }
  prefixes.add(prefix);
  return () => prefixes.delete(prefix);
}

/**
 * Refuses if this process already has the LevelDB LOCK file open in another way: in a worker
 * thread, with another copy of this package, or with a bare classic-level. Reads only the names of
 * the open files and does not open LOCK itself: closing it would release the lock. Without /proc,
 * only the registry protects.
 */
export function refuseIfOpenHere(lockFile: string): void {
  const wanted = identityAt(lockFile);
  if (wanted === undefined) return;
  for (const fd of openFiles()) {
    if (identityAt(`/proc/self/fd/${fd}`) === wanted && holdsLock(fd)) throw lockedHere(lockFile);
  }
}

/** An open LevelDB, whose lock was checked. */
export interface Locked<D> {
  readonly db: D;
  /** Checks the lock again later; undefined if the system does not show locks. */
  readonly lock: HeldLock | undefined;
}

/**
 * Attempts of {@link openLocked}. If the lock is not shown after the second attempt either, it is
 * held, but on a file system whose locks the kernel does not show.
 */
const OPEN_TRIES = 2;

/**
 * Opens a LevelDB, and checks that this process holds the lock on `lockFile`. If another thread
 * closed the file meanwhile, the lock is lost; then the database is closed and opened again,
 * because another process may have had it open.
 * @throws errors of `open`; then nothing is open.
 */
export async function openLocked<D extends { close(): Promise<void> }>(
  lockFile: string,
  open: () => Promise<D>,
): Promise<Locked<D>> {
  for (let tries = 1; ; tries++) {
    const db = await open();
    const lock = HeldLock.find(lockFile);
    if (lock !== 'unheld') return { db, lock };
    if (tries === OPEN_TRIES) return { db, lock: undefined };
    await db.close();
  }
}

/**
 * False for a file that this process inherited. A child that is started while a store is open
 * inherits LevelDB's open files, but not the lock; on Linux, fdinfo shows which files this process
 * has locked.
 */
function holdsLock(fd: string): boolean {
  try {
    return /^lock:/m.test(readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'));
  } catch {
    return true;
  }
}

function lockedHere(path: string): LanestoreError {
  return new LanestoreError('LANESTORE_LOCKED', `${path} is open in this process already; close it first`);
}

function openFiles(): string[] {
  try {
    return readdirSync('/proc/self/fd');
  } catch {
    return [];
  }
}
