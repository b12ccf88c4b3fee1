/**
 * Logs that keep their tail open between writes, without a descriptor for each of them: a node may have a thousand lanes. At most so many
 * are open; the one that was written longest ago gives its descriptor up, and opens its file again when it is written.
 */
import type { WritableFile } from '../files.js';
import { systemCode } from './io.js';

/** Tails that are kept open: a committee of the largest kind, and the log of CommitQCs. */
export const OPEN_FILES_MAX = 128;

/** What has a descriptor that it can give up. */
export interface DescriptorHolder {
  /** Nothing is being written, and everything that was is durable: a later descriptor may not learn that writing back failed. */
  readonly canGiveUp: boolean;
  /** Closes the descriptor. */
  giveUp(): Promise<void>;
}

/** A bound on open descriptors. Those that cannot be given up, or are being opened, may be more for a moment. */
export class DescriptorPool {
  readonly #openMax: number;
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

  /** Opens a file once there is a descriptor to spare; the process may have fewer than this pool may take. */
  async open(open: () => Promise<WritableFile>): Promise<WritableFile> {
    await this.makeRoom();
    for (;;) {
      try {
        return await open();
      } catch (error) {
        const isOut = systemCode(error) === 'EMFILE' || systemCode(error) === 'ENFILE';
        if (!isOut || !(await this.#closeOne())) throw error;
      }
    }
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
