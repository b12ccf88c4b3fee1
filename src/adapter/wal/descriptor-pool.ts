/**
 * An upper bound on open descriptors. A log keeps its tail open between writes, but a node may have
 * a thousand lanes. The least recently written tail is closed when another one needs its
 * descriptor, and opened again for its next write.
 */
import type { Files, WritableFile } from '../../base/files.js';
import { isOutOfDescriptors } from './io.js';

/** Default bound: enough for the largest committee and the log of CommitQCs. */
export const OPEN_FILES_MAX = 128;

/**
 * Quarters of the open tails that may stay open once the process has run out of descriptors. The
 * others are closed, so that other files can be opened.
 */
const PARTS_KEPT = 3;
/**
 * The bound is not lowered below this: if so few tails are open, other files have exhausted the
 * descriptors.
 */
const OPEN_FILES_MIN = 16;

/** An object with a descriptor that can be closed between uses. */
export interface DescriptorHolder {
  /**
   * True if no write is in progress and all earlier writes are durable. Otherwise it must stay
   * open: a new descriptor might not report that writing back failed.
   */
  readonly canGiveUp: boolean;
  /** Closes the descriptor. */
  giveUp(): Promise<void>;
}

/**
 * A bound on open descriptors. It may be exceeded for a moment by holders that are in use or just
 * being opened.
 */
export class DescriptorPool {
  #openMax: number;
  /** The holders with an open descriptor, least recently used first. */
  readonly #open = new Set<DescriptorHolder>();

  constructor(openMax = OPEN_FILES_MAX) {
    this.#openMax = openMax;
  }

  /** Records that `holder` has a descriptor and was used last: the others are closed before it. */
  used(holder: DescriptorHolder): void {
    this.#open.delete(holder);
    this.#open.add(holder);
  }

  /** Records that `holder` has no descriptor any more. */
  gone(holder: DescriptorHolder): void {
    this.#open.delete(holder);
  }

  /** Opens a file once this pool has room for it. */
  async open(open: () => Promise<WritableFile>): Promise<WritableFile> {
    await this.makeRoom();
    return this.sparing(open);
  }

  /**
   * Runs `work`. If it fails because no descriptor is free, closes one of this pool and runs `work`
   * again, as often as the pool can close one; so `work` must be repeatable. The failure shows that
   * the process has fewer descriptors than the pool's bound, so the bound is lowered permanently.
   */
  async sparing<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!isOutOfDescriptors(error)) throw error;
        const kept = Math.max(OPEN_FILES_MIN, Math.floor((this.#open.size * PARTS_KEPT) / 4));
        this.#openMax = Math.min(this.#openMax, kept);
        if (!(await this.#closeOne())) throw error;
        await this.makeRoom();
      }
    }
  }

  /** The same file operations; those that need a descriptor run under {@link sparing}. */
  sparingFiles(files: Files): Files {
    return {
      open: (path, mode, how) => this.sparing(() => files.open(path, mode, how)),
      rename: (from, to) => files.rename(from, to),
      remove: (path) => files.remove(path),
      removeTree: (path) => this.sparing(() => files.removeTree(path)),
      makeDirectory: (path) => files.makeDirectory(path),
      syncDirectory: (path) => this.sparing(() => files.syncDirectory(path)),
    };
  }

  /** Closes descriptors until there is room for one. */
  async makeRoom(): Promise<void> {
    while (this.#open.size >= this.#openMax && (await this.#closeOne()));
  }

  /** Closes the least recently used descriptor that can be closed now. False if there is none. */
  async #closeOne(): Promise<boolean> {
    for (const holder of this.#open) {
      if (!holder.canGiveUp) continue;
      this.#open.delete(holder);
      await holder.giveUp();
      return true;
    }
    return false;
  }
}
