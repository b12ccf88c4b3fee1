/**
 * Logs that keep their tail open between writes, without a descriptor for each of them: a node may have a thousand lanes. At most so many
 * are open; the one that was written longest ago gives its descriptor up, and opens its file again when it is written.
 */
import type { Files, WritableFile } from '../../base/files.js';
import { isOutOfDescriptors } from './io.js';

/** Tails that are kept open: a committee of the largest kind, and the log of CommitQCs. */
export const OPEN_FILES_MAX = 128;

/** Of the tails that are open when the process has no descriptor left, so many parts of four stay open: the rest is for others. */
const PARTS_KEPT = 3;
/** But it is not the logs that take them all if they have no more than this. */
const OPEN_FILES_MIN = 16;

/** What has a descriptor that it can give up. */
export interface DescriptorHolder {
  /** Nothing is being written, and everything that was is durable: a later descriptor may not learn that writing back failed. */
  readonly canGiveUp: boolean;
  /** Closes the descriptor. */
  giveUp(): Promise<void>;
}

/** A bound on open descriptors. Those that cannot be given up, or are being opened, may be more for a moment. */
export class DescriptorPool {
  #openMax: number;
  /** Those that are open; the one that was used longest ago first. */
  readonly #open = new Set<DescriptorHolder>();

  constructor(openMax = OPEN_FILES_MAX) {
    this.#openMax = openMax;
  }

  /** `holder` has a descriptor and uses it: the others are closed before it. */
  used(holder: DescriptorHolder): void {
    this.#open.delete(holder);
    this.#open.add(holder);
  }

  /** `holder` has no descriptor any more. */
  gone(holder: DescriptorHolder): void {
    this.#open.delete(holder);
  }

  /** Opens a file once this pool has room for it. */
  async open(open: () => Promise<WritableFile>): Promise<WritableFile> {
    await this.makeRoom();
    return this.sparing(open);
  }

  /**
   * Runs `work`, and again each time that it finds no descriptor left and one of this pool can be closed. The process may have fewer than
   * this pool may take: then the pool has all that were free, and takes fewer from now on. `work` can begin anew.
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

  /** The same file operations, of which none fails for want of a descriptor that this pool can spare. */
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

  /** Closes the descriptor that was used longest ago, of those that can be closed now. False if there is none. */
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
