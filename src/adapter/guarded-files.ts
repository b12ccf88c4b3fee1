/**
 * File operations under a {@link LocationGuard}: nothing is created, renamed or removed in a
 * directory that is not the store's, and no write there resolves.
 */
import { dirname } from 'node:path';
import type { FileStatus, Files, OpenHow, WritableFile } from '../base/files.js';
import { FileIdentity } from '../base/pinned-path.js';
import { type LocationGuard, RECENT_MS } from './location-guard.js';

/** The same operations; each rejects with LANESTORE_FAILED once a check of `guard` fails. */
export function guardedFiles(files: Files, guard: LocationGuard): Files {
  /** Open files by their current path. */
  const open = new Map<string, GuardedFile>();
  const directories = new Directories(guard);
  // Not an async function: that would cost more than most checks.
  const checked = <T>(directory: string, operation: () => Promise<T>): Promise<T> => {
    try {
      guard.checkInBackground(() => directories.check(directory));
    } catch (error) {
      return Promise.reject(error);
    }
    return operation();
  };
  // These operations cannot be undone, so an earlier check does not count.
  const checkedNow = <T>(directory: string, operation: () => Promise<T>): Promise<T> => {
    guard.expire();
    directories.expire(directory);
    return checked(directory, operation);
  };
  const opened = async (path: string, mode: number, how: OpenHow) => {
    const file: GuardedFile = new GuardedFile(await files.open(path, mode, how), path, guard, () => {
      if (open.get(file.path) === file) open.delete(file.path);
    });
    open.set(path, file);
    return file;
  };
  const renamed = async (from: string, to: string) => {
    await files.rename(from, to);
    directories.forget(from);
    const file = open.get(from);
    if (file === undefined) return;
    open.delete(from);
    open.set(to, file);
    file.path = to;
  };
  return {
    open: (path, mode, how) => checked(dirname(path), () => opened(path, mode, how)),
    rename: (from, to) => checkedNow(dirname(from), () => renamed(from, to)),
    remove: (path) => checkedNow(dirname(path), () => files.remove(path)),
    removeTree: (path) => {
      directories.forget(path);
      return checkedNow(dirname(path), () => files.removeTree(path));
    },
    makeDirectory: (path) => checked(dirname(path), () => files.makeDirectory(path)),
    syncDirectory: (path) => checked(path, () => files.syncDirectory(path)),
  };
}

/**
 * The directories in which files are created, such as a lane's. They are not kept open: there may
 * be a thousand of them.
 */
class Directories {
  readonly #guard: LocationGuard;
  readonly #seen = new Map<string, { readonly identity: FileIdentity | undefined; checkedAt: number }>();

  constructor(guard: LocationGuard) {
    this.#guard = guard;
  }

  /** @throws LANESTORE_FAILED if the directory is not the one of the first check. */
  check(path: string): void {
    const [seen, now] = [this.#seen.get(path), performance.now()];
    if (seen === undefined) {
      this.#seen.set(path, { identity: FileIdentity.at(path), checkedAt: now });
      return;
    }
    if (now - seen.checkedAt <= RECENT_MS) return;
    if (!isAt(path, seen.identity)) this.#guard.failMoved(path);
    seen.checkedAt = now;
  }

  /** Forces the next {@link check}, even if the last one is recent. */
  expire(path: string): void {
    const seen = this.#seen.get(path);
    if (seen !== undefined) seen.checkedAt = Number.NEGATIVE_INFINITY;
  }

  /** Must be called before the directory at this path is replaced or removed. */
  forget(path: string): void {
    this.#seen.delete(path);
  }
}

/**
 * A file that is checked during each sync: its path must still lead to the open file. Skipped if
 * that was checked recently.
 */
class GuardedFile implements WritableFile {
  path: string;
  readonly #file: WritableFile;
  readonly #guard: LocationGuard;
  readonly #closed: () => void;
  readonly #identity: FileIdentity | undefined;
  #checkedAt = performance.now();
  /** The check that all writes of this turn share. */
  #check: Promise<void> | undefined;

  constructor(file: WritableFile, path: string, guard: LocationGuard, closed: () => void) {
    this.#file = file;
    this.path = path;
    this.#guard = guard;
    this.#closed = closed;
    this.#identity = FileIdentity.at(path);
  }

  write(data: readonly Uint8Array[], position: number): Promise<void> {
    return this.#file.write(data, position);
  }

  writeSynced(data: readonly Uint8Array[], position: number): Promise<void> {
    return this.#withCheck(this.#file.writeSynced(data, position));
  }

  writeNow(data: Uint8Array, position: number): void {
    this.#file.writeNow(data, position);
  }

  truncate(length: number): Promise<void> {
    return this.#file.truncate(length);
  }

  sync(): Promise<void> {
    return this.#withCheck(this.#file.sync());
  }

  status(): FileStatus {
    return this.#file.status();
  }

  links(): number {
    return this.#file.links();
  }

  close(): Promise<void> {
    this.#closed();
    return this.#file.close();
  }

  #withCheck(synced: Promise<void>): Promise<void> {
    if (this.#check === undefined) {
      if (this.#guard.isStepRecent && performance.now() - this.#checkedAt <= RECENT_MS) return synced;
      this.#check = this.#checkSoon();
      // Ignored here: the syncs below report the same rejection.
      this.#check.catch(() => undefined);
    }
    const check = this.#check;
    return synced.then(() => check);
  }

  /** Runs after the caller has submitted its other operations of this turn. */
  async #checkSoon(): Promise<void> {
    await undefined;
    this.#check = undefined;
    this.#guard.checkStep();
    const now = performance.now();
    if (now - this.#checkedAt <= RECENT_MS) return;
    if (!isAt(this.path, this.#identity)) this.#guard.failMoved(this.path);
    this.#checkedAt = now;
  }
}

/** True if `path` leads to the file with this identity, or to none if there was none. */
function isAt(path: string, identity: FileIdentity | undefined): boolean {
  return identity === undefined ? FileIdentity.at(path) === undefined : identity.isAt(path);
}
