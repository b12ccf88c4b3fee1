/**
 * A target that is either whole or absent: it is built in a directory beside its place, `<target>.building-<pid>`, and renamed into it
 * once it is complete, verified and synced. What a killed migration left is removed by the next one into the same target.
 */
import { mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { makeDirectory, syncDirectory, syncNames } from '../adapter/level/paths.js';
import { messageOf, systemCode } from '../adapter/wal/io.js';
import { isLanestoreError, LanestoreError } from '../errors.js';
import { importError } from './layout.js';

/** The ending of a directory in which a target is built. */
const BUILDING = '.building-';

/** Directories that are being built in this process. */
const building = new Set<string>();

/** A target under construction. */
export interface TargetPlace {
  /** Where it will stand. */
  readonly target: string;
  /** Where it is built: empty, mode 0700. */
  readonly directory: string;
  /** Makes it durable and moves it into its place, in one step. */
  publish(): void;
  /** Removes what was built; nothing happens after {@link publish}. */
  abandon(): void;
}

/**
 * Claims `target`, which must be absent or an empty directory, and makes the directory to build in. Parents are made.
 * @throws LANESTORE_IMPORT if something is there, or it is a mount point; LANESTORE_LOCKED if it is being built in this process;
 * LANESTORE_IO if the system refuses.
 */
export function claimTarget(target: string): TargetPlace {
  const path = resolve(target);
  return writing(`make ${path}`, () => {
    refuseTaken(path);
    const parent = dirname(path);
    makeDirectory(parent);
    removeLeftovers(parent, basename(path));
    const directory = `${path}${BUILDING}${process.pid}`;
    if (building.has(directory)) {
      throw new LanestoreError('LANESTORE_LOCKED', `${path} is being built in this process already; wait for it`);
    }
    mkdirSync(directory, { mode: 0o700 });
    building.add(directory);
    return {
      target: path,
      directory,
      publish: () => publish(path, directory),
      abandon: () => {
        if (!building.delete(directory)) return;
        rmSync(directory, { recursive: true, force: true });
      },
    };
  });
}

function refuseTaken(path: string): void {
  const there = statSync(path, { throwIfNoEntry: false });
  if (there === undefined) return;
  if (!there.isDirectory() || readdirSync(path).length > 0) {
    throw importError(`the target ${path} exists already; name one that does not, or move it away`);
  }
  if (there.dev !== statSync(dirname(path)).dev) {
    const why = 'is a file system of its own (a mount point), into which nothing can be moved in one step';
    throw importError(`the target ${path} ${why}; name a directory inside of it`);
  }
}

/** Those of processes that are gone. A live one may be at work for the same target: whoever is second finds it taken. */
function removeLeftovers(parent: string, name: string): void {
  for (const other of readdirSync(parent)) {
    if (!other.startsWith(name + BUILDING)) continue;
    const pid = Number(other.slice(name.length + BUILDING.length));
    const path = join(parent, other);
    if (building.has(path) || (pid !== process.pid && isAlive(pid))) continue;
    rmSync(path, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  if (!Number.isSafeInteger(pid) || pid < 1) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) !== 'ESRCH';
  }
}

function publish(path: string, directory: string): void {
  writing(`move ${directory} to ${path}`, () => {
    syncTree(directory);
    try {
      renameSync(directory, path);
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR') {
        throw importError(`the target ${path} was made by somebody else meanwhile; it is left as it is`, {
          cause: error,
        });
      }
      if (code === 'EXDEV' || code === 'EBUSY') {
        throw importError(`the target ${path} cannot be moved into place (${code}); name one that is no mount point`, {
          cause: error,
        });
      }
      throw error;
    }
    building.delete(directory);
    syncNames(dirname(path));
  });
}

/** Files are synced by whoever wrote them; this makes their names durable, from the inside out. */
function syncTree(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) syncTree(join(directory, entry.name));
  }
  syncDirectory(directory);
}

/** Runs what writes; what the system refuses becomes a coded error that says what to do. */
export function writing<T>(what: string, write: () => T): T {
  try {
    return write();
  } catch (error) {
    throw writeError(what, error);
  }
}

/** The coded error for a write that failed. */
export function writeError(what: string, error: unknown): LanestoreError {
  // Said already, or no matter of the disk; what opening and writing a store says gets the target's name.
  if (isLanestoreError(error) && error.code !== 'LANESTORE_FAILED' && error.code !== 'LANESTORE_IO') return error;
  const text = messageOf(error);
  const full = isFull(error) ? '; free some space, or name a target on a larger disk' : '';
  return importError(`cannot ${what}: ${text}${full}`, { cause: error });
}

/** True if the reason, however deep, is a full disk or quota. */
function isFull(error: unknown): boolean {
  for (let reason = error; reason instanceof Error; reason = reason.cause) {
    if (/ENOSPC|EDQUOT|No space left|quota exceeded/i.test(`${systemCode(reason)} ${reason.message}`)) return true;
  }
  return false;
}
