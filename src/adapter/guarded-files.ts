/**
 * File operations under a {@link LocationGuard}: nothing is made, renamed or removed in a directory
 * that is not the store's, and no write settles there.
 */

import type { FileStatus, Files, OpenHow, WritableFile } from '../base/files.js';
import { PinnedPath } from '../base/pinned-path.js';
import type { LocationGuard } from './location-guard.js';

/** The same operations, each refused with LANESTORE_FAILED once `guard` misses something. */
export function guardedFiles(files: Files, guard: LocationGuard): Files {
  /** Open files by the path that they have now. */
  const open = new Map<string, GuardedFile>();
  const checked = async <T>(operation: () => Promise<T>): Promise<T> => {
    guard.checkInBackground();
    return operation();
  };
  return {
    open: (path, mode, how: OpenHow) =>
      checked(async () => {
        const opened = await files.open(path, mode, how);
        try {
          const file: GuardedFile = new GuardedFile(opened, path, guard, () => {
            if (open.get(file.path) === file) open.delete(file.path);
          });
          open.set(path, file);
          return file;
        } catch (error) {
          await opened.close();
          throw error;
        }
      }),
    rename: (from, to) =>
      checked(async () => {
        await files.rename(from, to);
        const file = open.get(from);
        if (file === undefined) return;
        open.delete(from);
        open.set(to, file);
        file.movedTo(to);
      }),
    remove: (path) => checked(() => files.remove(path)),
    removeTree: (path) => checked(() => files.removeTree(path)),
    makeDirectory: (path) => checked(() => files.makeDirectory(path)),
    syncDirectory: (path) => checked(() => files.syncDirectory(path)),
  };
}

/**
 * While what was written goes to the disk, it is looked if the file is still the one that its path
 * leads to.
 */
class GuardedFile implements WritableFile {
  readonly #file: WritableFile;
  readonly #guard: LocationGuard;
  readonly #closed: () => void;
  #pin: PinnedPath;

  constructor(file: WritableFile, path: string, guard: LocationGuard, closed: () => void) {
    this.#file = file;
    this.#guard = guard;
    this.#closed = closed;
    this.#pin = PinnedPath.openFile(path);
  }

  get path(): string {
    return this.#pin.path;
  }

  movedTo(path: string): void {
    this.#pin = this.#pin.at(path);
  }

  write(data: readonly Uint8Array[], position: number): Promise<void> {
    return this.#file.write(data, position);
  }

  writeSynced(data: readonly Uint8Array[], position: number): Promise<void> {
    return this.#besides(this.#file.writeSynced(data, position));
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

  async #besides(synced: Promise<void>): Promise<void> {
    // Heard of below.
    synced.catch(() => undefined);
    // Not before the caller has sent what else it has to send in this turn.
    await undefined;
    try {
      this.#guard.checkUnlessRecent();
      if (!this.#pin.isSame()) this.#guard.failMoved(this.#pin.path);
    } catch (error) {
      await synced.catch(() => undefined);
      throw error;
    }
    await synced;
  }
}
