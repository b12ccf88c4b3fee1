/**
 * One opener of a store. Between processes LevelDB's own LOCK does it. Inside of a process it does
 * not: the lock (fcntl) is the process's, and goes when any descriptor of LOCK is closed in it: a
 * second open that fails frees the lock of the first one, and a symlink or a relative path gets
 * past LevelDB's own list. So
 *
 *   1. a second open in this process, in any of its threads, is refused before anything touches
 *      LOCK: {@link lockDirectory}
 *   2. so is one beside a bare classic-level, or another version of this package, in this process:
 *      {@link refuseIfOpenHere}
 *   3. after LevelDB was opened, the kernel is asked if the lock is really held: {@link openLocked}
 *   4. it is asked again beside the batches (location-guard.ts), for no rule keeps an application
 *      from opening LOCK
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { HeldLock } from '../base/held-lock.js';
import { identityAt, identityOf } from '../base/pinned-path.js';
import { lockThreads } from '../base/thread-lock.js';
import { LanestoreError } from '../errors.js';

/**
 * Shared by all copies of this module in one thread, whichever version or bundle they came with.
 */
const REGISTRY = Symbol.for('lanestore.openers');

interface Registry {
  /** Locations by device and inode, so that no symlink or bind mount makes two of one. */
  readonly directories: Set<string>;
  /** Caller's databases, and the prefixes of theirs that are in use. */
  readonly databases: WeakMap<object, Set<string>>;
}

/** Frees what was locked. Idempotent. */
export type Unlock = () => void;

function registry(): Registry {
  const holder = globalThis as { [REGISTRY]?: Registry };
  holder[REGISTRY] ??= { directories: new Set(), databases: new WeakMap() };
  return holder[REGISTRY];
}

/**
 * Registers an opener of the directory `location`, which exists; no other thread of this process
 * registers one meanwhile.
 * @throws LANESTORE_LOCKED if there is one, in this thread or in another one of this process.
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
 * Registers an opener of a prefix of a caller's database. @throws LANESTORE_LOCKED if one of that
 * prefix, or inside or around it, is open.
 */
export function lockDatabase(root: object, prefix: string): Unlock {
  const { databases } = registry();
  const prefixes = databases.get(root) ?? new Set();
  databases.set(root, prefixes);
  for (const open of prefixes) {
    // One inside of the other is the same keys twice: the outer store would find the inner one's as
    // strays.
    if (!open.startsWith(prefix) && !prefix.startsWith(open)) continue;
    throw new LanestoreError('LANESTORE_LOCKED', `a store is open already on this database, prefix "${open}"`);
  }
  prefixes.add(prefix);
  return () => prefixes.delete(prefix);
}

/**
 * Refuses when this process holds the LevelDB LOCK file open by another way: a worker thread,
 * another copy of this package, a bare classic-level. It looks at the names of the open files,
 * never at the file itself: closing it would free the lock. Where there is no /proc, only the
 * registry protects.
 */
export function refuseIfOpenHere(lockFile: string): void {
  const wanted = identityAt(lockFile);
  if (wanted === undefined) return;
  for (const fd of openFiles()) {
    if (identityAt(`/proc/self/fd/${fd}`) === wanted && holdsLock(fd)) throw lockedHere(lockFile);
  }
}

/** A LevelDB whose lock was looked at. */
export interface Locked<D> {
  readonly db: D;
  /** For looking at it again; absent where the system does not say whether a lock is held. */
  readonly lock: HeldLock | undefined;
}

/**
 * Tries of {@link openLocked}. A lock that is not shown a second time is held, on a file system
 * whose locks the kernel does not show.
 */
const OPEN_TRIES = 2;

/**
 * Opens a LevelDB, and looks if this process then holds the lock on `lockFile`. One that was lost
 * between the two, because another thread closed the file, is taken again: the database is opened
 * anew, for another process may have had it meanwhile.
 * @throws what `open` throws; then nothing is open.
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
 * False for a file that this process inherited: LevelDB's files stay open in a child that is
 * started while a store is open, the lock does not pass to it (Linux says in fdinfo which files are
 * locked by this process).
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
