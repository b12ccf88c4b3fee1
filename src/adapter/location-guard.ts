/**
 * Watches over what a running store relies on and cannot hold: that its paths lead to the
 * directories that it was opened in, and that LevelDB's lock is its process's. LevelDB and the
 * value files work by path, so a store whose directory was moved away, and a copy put in its place,
 * would write into that copy; and a store without the lock is one of two. Either is found beside
 * the sync of the next batch, before anything of it is acknowledged, and before any file is made,
 * renamed or removed; then the store is poisoned.
 *
 * What this cannot stop: a compaction that LevelDB is in the midst of when a directory is replaced
 * goes on by path.
 */
import type { HeldLock } from '../base/held-lock.js';
import { PinnedPath } from '../base/pinned-path.js';
import { LanestoreError } from '../errors.js';

/** A look is believed for so long: less than a process takes to start. */
export const RECENT_MS = 5;
/** A look at the closest directory, between steps of one piece of work. */
const CLOSE_RECENT_MS = 1;

/** The note of a store whose lock cannot be watched. */
export const LOCK_NOT_SHOWN =
  'this system does not say if a lock is held: one that is lost, because this process opened LOCK and closed it, ' +
  'is not noticed';

/** What a store was opened in; see the top of this file. */
export class LocationGuard {
  readonly #pins: PinnedPath[] = [];
  #closest: PinnedPath | undefined;
  #lock: HeldLock | undefined;
  #lost: LanestoreError | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #lookedCloselyAt = Number.NEGATIVE_INFINITY;
  #onLost: (error: LanestoreError) => void = () => undefined;

  /** Remembers what is at the path of a directory. @throws what the file system throws. */
  watch(directory: string): void {
    if (this.#pins.some(({ path }) => path === directory)) return;
    this.#pins.push(PinnedPath.directory(directory));
  }

  /** The same for the directory that is written into all the time: it is looked at more often. */
  watchClosely(directory: string): void {
    this.#closest = PinnedPath.directory(directory);
    this.#pins.push(this.#closest);
  }

  /** Remembers the lock file of a LevelDB that is open, and its lock, if the system shows it. */
  watchLock(lockFile: string, lock: HeldLock | undefined): void {
    this.#lock = lock;
    this.#pins.push(PinnedPath.openFile(lockFile));
  }

  /** Called with what {@link checkInBackground} throws. */
  onLost(listener: (error: LanestoreError) => void): void {
    this.#onLost = listener;
  }

  /**
   * Looks: some 15 microseconds. @throws LANESTORE_FAILED if anything is not as it was remembered,
   * from then on always.
   */
  check(): void {
    if (this.#lost !== undefined) throw this.#lost;
    const moved = this.#pins.find((pin) => !pin.isSame());
    if (moved !== undefined) this.#fail(movedMessage(moved.path));
    if (this.#lock?.isHeld() === false) this.#fail(lockMessage(this.#lock.path));
    this.#lookedAt = performance.now();
    this.#lookedCloselyAt = this.#lookedAt;
  }

  /**
   * What {@link check} throws, if it does. A file that is not found, for one, is found out to be a
   * directory that was moved.
   */
  loss(): LanestoreError | undefined {
    try {
      this.check();
      return undefined;
    } catch (error) {
      return error as LanestoreError;
    }
  }

  /**
   * To be called while a batch is being synced: the directory that it goes into is looked at each
   * time, the rest unless that was just now; some 5 microseconds. @throws as {@link check}.
   */
  checkBatch(): void {
    if (!this.#isRecent || this.#closest?.isSame() === false) this.check();
  }

  /** {@link check}, unless all was looked at just now. */
  checkUnlessRecent(): void {
    if (!this.#isRecent) this.check();
  }

  /** The next look is made, however recent the last one is. */
  expire(): void {
    this.#lookedAt = Number.NEGATIVE_INFINITY;
  }

  /**
   * To be called with each step of work that has many: looks at what was not looked at just now.
   */
  checkStep(): void {
    if (this.isStepRecent) return;
    if (!this.#isRecent || this.#closest?.isSame() === false) this.check();
    this.#lookedCloselyAt = performance.now();
  }

  /**
   * {@link checkStep}, then `more`, for work whose failures no caller is told of: the listener is.
   */
  checkInBackground(more: () => void = () => undefined): void {
    try {
      this.checkStep();
      more();
    } catch (error) {
      this.#onLost(error as LanestoreError);
      throw error;
    }
  }

  /**
   * Fails the store for a file of its own that is not where it was. @throws LANESTORE_FAILED,
   * always.
   */
  failMoved(path: string): never {
    // It is more telling that a directory above it was moved.
    this.check();
    this.#fail(movedMessage(path));
  }

  /** Idempotent. */
  close(): void {
    for (const pin of this.#pins.splice(0)) pin.close();
    this.#lock?.close();
    this.#lock = undefined;
  }

  /** True if {@link checkStep} has nothing to look at now. */
  get isStepRecent(): boolean {
    const now = performance.now();
    if (this.#lost !== undefined || now - this.#lookedAt > RECENT_MS) return false;
    return now - this.#lookedCloselyAt <= CLOSE_RECENT_MS;
  }

  get #isRecent(): boolean {
    return this.#lost === undefined && performance.now() - this.#lookedAt <= RECENT_MS;
  }

  #fail(message: string): never {
    const cause = new Error(message);
    this.#lost = new LanestoreError('LANESTORE_FAILED', `the store is poisoned: ${message}`, { cause });
    throw this.#lost;
  }
}

function movedMessage(path: string): string {
  const why = 'it was moved away, removed or replaced, or its disk was unmounted';
  return `${path} is not what it was when the store was opened: ${why}`;
}

function lockMessage(path: string): string {
  const why = 'this process opened that file outside of the store and closed it';
  return `the lock on ${path} is lost: ${why}, so another process may have opened the store`;
}
