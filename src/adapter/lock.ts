/**
 * One opener of a store. Between processes LevelDB's own LOCK does it. Inside of a process it does not: a second open that fails
 * frees the fcntl lock of the first one, and a symlink or a relative path gets past it (leveldb-hazards.md section 8). So a second
 * open in this process must be refused before LevelDB hears of it.
 */
import { type BigIntStats, readdirSync, readFileSync, statSync } from 'node:fs';
import { LanestoreError } from '../errors.js';

/** Shared by all copies of this module in one thread, whichever version or bundle they came with. */
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

/** Registers an opener of the directory `location`, which exists. @throws LANESTORE_LOCKED if there is one. */
export function lockDirectory(location: string): Unlock {
  const identity = identityOf(statSync(location, { bigint: true }));
  const { directories } = registry();
  if (directories.has(identity)) throw lockedHere(location);
  directories.add(identity);
  return () => directories.delete(identity);
}

/** Registers an opener of a prefix of a caller's database. @throws LANESTORE_LOCKED if one of that prefix, or inside or around it, is open. */
export function lockDatabase(root: object, prefix: string): Unlock {
  const { databases } = registry();
  const prefixes = databases.get(root) ?? new Set();
  databases.set(root, prefixes);
  for (const other of prefixes) {
    // One inside of the other is the same keys twice: the outer store would find the inner one's as strays.
    if (!other.startsWith(prefix) && !prefix.startsWith(other)) continue;
    throw new LanestoreError('LANESTORE_LOCKED', `a store is open already on this database, prefix "${other}"`);
  }
  prefixes.add(prefix);
  return () => prefixes.delete(prefix);
}

/**
 * Refuses when this process holds the LevelDB LOCK file open by another way: a worker thread, another copy of this package, a
 * bare classic-level. It looks at the names of the open files, never at the file itself: closing it would free the lock. Where there is no
 * /proc, only the registry protects.
 */
export function refuseIfOpenHere(lockFile: string): void {
  const wanted = statOf(lockFile);
  if (wanted === undefined) return;
  for (const fd of openFiles()) {
    const stat = statOf(`/proc/self/fd/${fd}`);
    if (stat !== undefined && identityOf(stat) === identityOf(wanted) && holdsLock(fd)) throw lockedHere(lockFile);
  }
}

/**
 * False for a file that this process inherited: LevelDB's files stay open in a child that is started while a store is open, the lock
 * does not pass to it (Linux says in fdinfo which files are locked by this process).
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

function identityOf(stat: BigIntStats): string {
  return `${stat.dev}:${stat.ino}`;
}

function statOf(path: string): BigIntStats | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false });
}

function openFiles(): string[] {
  try {
    return readdirSync('/proc/self/fd');
  } catch {
    return [];
  }
}
