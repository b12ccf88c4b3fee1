/**
 * File operations under a {@link LocationGuard}: nothing is made, renamed or removed in a directory
 * that is not the store's, and no write settles there.
 */
import { dirname } from 'node:path';
import type { FileStatus, Files, OpenHow, WritableFile } from '../base/files.js';
import { identityAt } from '../base/pinned-path.js';
import { type LocationGuard, RECENT_MS } from './location-guard.js';

/** The same operations, each refused with LANESTORE_FAILED once `guard` misses something. */
export function guardedFiles(files: Files, guard: LocationGuard): Files {
  /** Open files by the path that they have now. */
  const open = new Map<string, GuardedFile>();
  const directories = new Directories(guard);
  // No async function: it would cost more than most looks.
  const checked = <T>(directory: string, operation: () => Promise<T>): Promise<T> => {
    try {
      guard.checkInBackground(() => directories.check(directory));
    } catch (error) {
      return Promise.reject(error);
    }
    return operation();
  };
  // What these take away cannot be had back: no earlier look is believed.
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
 * The directories that files are made in, a lane's for one. They are not held open: there may be a
 * thousand of them.
 */
class Directories {
  readonly #guard: LocationGuard;
  readonly #seen = new Map<string, { readonly identity: string | undefined; lookedAt: number }>();

  constructor(guard: LocationGuard) {
    this.#guard = guard;
  }

  /** @throws LANESTORE_FAILED if it is another one than at the first look. */
  check(path: string): void {
    const [seen, now] = [this.#seen.get(path), performance.now()];
    if (seen === undefined) {
      this.#seen.set(path, { identity: identityAt(path), lookedAt: now });
      return;
    }
    if (now - seen.lookedAt <= RECENT_MS) return;
    if (identityAt(path) !== seen.identity) this.#guard.failMoved(path);
    seen.lookedAt = now;
  }

  /** The next {@link check} looks, however recent the last look is. */
  expire(path: string): void {
    const seen = this.#seen.get(path);
    if (seen !== undefined) seen.lookedAt = Number.NEGATIVE_INFINITY;
  }

  /** The path is about to be another directory's, or nothing's. */
  forget(path: string): void {
    this.#seen.delete(path);
  }
}

/**
 * While what was written goes to the disk, it is looked if the file is still the one that its path
 * leads to, unless that was done just now.
 */
class GuardedFile implements WritableFile {
  path: string;
  readonly #file: WritableFile;
  readonly #guard: LocationGuard;
  readonly #closed: () => void;
  readonly #identity: string | undefined;
  #lookedAt = performance.now();
  /** The look that all writes of this turn share. */
  #look: Promise<void> | undefined;

  constructor(file: WritableFile, path: string, guard: LocationGuard, closed: () => void) {
    this.#file = file;
    this.path = path;
    this.#guard = guard;
    this.#closed = closed;
    this.#identity = identityAt(path);
  }

  write(data: readonly Uint8Array[], position: number): Promise<void> {
    return this.#file.write(data, position);
  }

  writeSynced(data: readonly Uint8Array[], position: number): Promise<void> {
    return this.#besides(this.#file.writeSynced(data, position));
  }

  writeNow(data: Uint8Array, position: number): void {
    this.#file.writeNow(data, position);
  }

  truncate(length: number): Promise<void> {
    return this.#file.truncate(length);
  }

  sync(): Promise<void> {
    return this.#besides(this.#file.sync());
  }

  status(): FileStatus {
    return this.#file.status();
  }

  close(): Promise<void> {
    this.#closed();
    return this.#file.close();
  }

  #besides(synced: Promise<void>): Promise<void> {
    if (this.#look === undefined) {
      if (this.#guard.isStepRecent && performance.now() - this.#lookedAt <= RECENT_MS) return synced;
      this.#look = this.#lookSoon();
      // Heard of by those who wait for the sync.
      this.#look.catch(() => undefined);
    }
    const look = this.#look;
    return synced.then(() => look);
  }

  /** Not before the caller has sent what else it has to send in this turn. */
  async #lookSoon(): Promise<void> {
    await undefined;
    this.#look = undefined;
    this.#guard.checkStep();
    const now = performance.now();
    if (now - this.#lookedAt <= RECENT_MS) return;
    if (identityAt(this.path) !== this.#identity) this.#guard.failMoved(this.path);
    this.#lookedAt = now;
  }
}
