/**
 * Checks two conditions that a running store relies on and cannot enforce: its paths still lead to
 * the directories that it was opened in, and its process still holds LevelDB's lock. LevelDB and
 * the value files work by path: if the directory was moved away and a copy put in its place, the
 * store would write into the copy. And without the lock, a second store may be open. Both are
 * checked with the sync of each batch, before anything in it is acknowledged, and before any file
 * is created, renamed or removed. A violation poisons the store.
 *
 * Limit: a compaction that is in progress when a directory is replaced continues by path.
 */
import type { HeldLock } from '../base/held-lock.js';
import { PinnedPath } from '../base/pinned-path.js';
import { LanestoreError } from '../errors.js';

/** A check is valid for this time, in milliseconds: less than a process takes to start. */
export const RECENT_MS = 5;
/** The same for the closest directory, between the steps of one piece of work. */
const CLOSE_RECENT_MS = 1;

/** The note of a store whose lock cannot be checked. */
export const LOCK_NOT_SHOWN =
  'this system does not show whether a lock is held: its loss, when this process opens and closes LOCK, ' +
  'is not noticed';

/** The paths and the lock of an open store; see the top of this file. */
export class LocationGuard {
  readonly #directories: PinnedPath[] = [];
  /** Also one of the directories. */
  #closest: PinnedPath | undefined;
  #lockFile: PinnedPath | undefined;
  #lock: HeldLock | undefined;
  #lost: LanestoreError | undefined;
  #checkedAt = Number.NEGATIVE_INFINITY;
  #closestCheckedAt = Number.NEGATIVE_INFINITY;
  /** True from {@link checkBeforeBatch} to {@link checkBatch} of one batch, if LOCK was checked. */
  #isLockChecked = false;
  #batchAt = Number.NEGATIVE_INFINITY;
  /** True if the last batch came shortly after the one before it. */
  #isBusy = false;
  #onLost: (error: LanestoreError) => void = () => undefined;

  /** Adds a directory to check. @throws errors of the file system. */
  watch(directory: string): void {
    if (this.#directories.some(({ path }) => path === directory)) return;
    this.#directories.push(PinnedPath.directory(directory));
  }

  /** Adds the directory that is written to all the time; it is checked more often. */
  watchClosely(directory: string): void {
    this.#closest = PinnedPath.directory(directory);
    this.#directories.push(this.#closest);
  }

  /** Adds the lock file of an open LevelDB, and its lock if the system shows it. */
  watchLock(lockFile: string, lock: HeldLock | undefined): void {
    this.#lock = lock;
    this.#lockFile = PinnedPath.openFile(lockFile);
  }

  /**
   * Sets the function that is called with each error of {@link checkInBackground} and
   * {@link checkAhead}.
   */
  onLost(listener: (error: LanestoreError) => void): void {
    this.#onLost = listener;
  }

  /**
   * Checks everything; takes about 15 microseconds.
   * @throws LANESTORE_FAILED if anything has changed; then every later check throws it, too.
   */
  check(): void {
    if (this.#lost !== undefined) throw this.#lost;
    this.#checkDirectories();
    if (this.#lockFile?.isSame() === false) this.#fail(movedMessage(this.#lockFile.path));
    if (this.#lock?.isHeld() === false) this.#fail(lockMessage(this.#lock.path));
    this.#checked();
  }

  /**
   * The error that {@link check} throws; undefined if it does not throw. It explains other errors:
   * for example, a file is not found because its directory was moved.
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
   * Must be called before each batch, so that LevelDB gets nothing without its lock or in a
   * replaced directory. Checks LOCK, unless everything was checked recently: if its path leads to
   * the only link of the locked file, the directories of the path are those that were opened. Only
   * a LOCK that was itself moved into a copy passes; {@link checkBatch} finds that before anything
   * settles. Takes about 5 microseconds.
   * @throws as {@link check}.
   */
  checkBeforeBatch(): void {
    const now = performance.now();
    this.#isBusy = now - this.#batchAt <= RECENT_MS;
    this.#batchAt = now;
    this.#isLockChecked = false;
    if (this.#lost === undefined && now - this.#checkedAt <= RECENT_MS) return;
    const isSound = this.#lost === undefined && this.#lockFile?.isOnlyLink() === true;
    if (!isSound || this.#lock?.isHeld() === false) this.check();
    else this.#isLockChecked = true;
  }

  /**
   * Must be called during the sync of each batch, after {@link checkBeforeBatch}. Checks the
   * directory that the batch is written to, and the other directories unless everything was checked
   * recently; takes about 5 microseconds.
   * @throws as {@link check}.
   */
  checkBatch(): void {
    if (this.#isLockChecked && this.#lost === undefined) {
      this.#checkDirectories();
      // The time of the first check: a later one would be valid for too long.
      this.#isLockChecked = false;
      this.#checkedAt = this.#closestCheckedAt = this.#batchAt;
    } else if (!this.#isRecent || this.#closest?.isSame() === false) this.check();
  }

  /**
   * Called when the queue is empty after a batch. While batches follow each other closely, checks
   * everything when half of the time has passed for which the last check is valid, so that the next
   * batch need not wait for it. Errors are passed to the listener.
   */
  checkAhead(): void {
    if (!this.#isBusy || this.#lost !== undefined) return;
    if (performance.now() - this.#checkedAt <= RECENT_MS / 2) return;
    const lost = this.loss();
    if (lost !== undefined) this.#onLost(lost);
  }

  /** Forces the next check, even if the last one is recent. */
  expire(): void {
    this.#checkedAt = Number.NEGATIVE_INFINITY;
  }

  /**
   * Must be called with each step of longer work: checks everything that was not checked recently.
   */
  checkStep(): void {
    if (this.isStepRecent) return;
    if (!this.#isRecent || this.#closest?.isSame() === false) this.check();
    this.#closestCheckedAt = performance.now();
  }

  /**
   * Calls {@link checkStep}, then `more`. For work whose failures reach no caller: errors are also
   * passed to the listener.
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

  /** Fails the store because one of its files was moved. @throws LANESTORE_FAILED, always. */
  failMoved(path: string): never {
    // If a directory above it was moved, that error says more.
    this.check();
    this.#fail(movedMessage(path));
  }

  /** Releases the pins and stops checking the lock. Idempotent. */
  close(): void {
    for (const pin of this.#directories.splice(0)) pin.close();
    this.#lockFile = undefined;
    this.#lock?.close();
    this.#lock = undefined;
  }

  /** True if {@link checkStep} has nothing to check now. */
  get isStepRecent(): boolean {
    const now = performance.now();
    if (this.#lost !== undefined || now - this.#checkedAt > RECENT_MS) return false;
    return now - this.#closestCheckedAt <= CLOSE_RECENT_MS;
  }

  get #isRecent(): boolean {
    return this.#lost === undefined && performance.now() - this.#checkedAt <= RECENT_MS;
  }

  #checkDirectories(): void {
    for (const pin of this.#directories) if (!pin.isSame()) this.#fail(movedMessage(pin.path));
  }

  #checked(): void {
    this.#isLockChecked = false;
    this.#checkedAt = performance.now();
    this.#closestCheckedAt = this.#checkedAt;
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
