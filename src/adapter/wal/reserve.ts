/**
 * A few bytes of disk that are kept for when there are none: `lock/reserve`. What frees space needs
 * some first: an anchor that is longer than the one before it, the rest of a segment that is
 * written again, the database that holds the lock. The reserve is given up when one of these finds
 * the disk full, and kept again once there is room.
 *
 * The file is needed for nothing else: it may be removed at any time.
 */
import { open, statfs, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from '../../base/synced-file.js';
import { isOutOfSpace, systemCode } from './io.js';

/**
 * Its name in the directory of the lock: LevelDB leaves names there alone that are none of its own.
 */
export const RESERVE_FILE = 'reserve';

const RESERVE_BYTES = 256 * 1024;
/** It is kept only where it is a small part of what is free: it must not be what fills the disk. */
const FREE_PARTS_MIN = 16;

/** The reserve of one state directory. */
export class Reserve {
  readonly #path: string;
  #isKept = false;
  #keeping: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** True if the space is taken, as far as is known. */
  get isKept(): boolean {
    return this.#isKept;
  }

  /** Takes the space, unless it is taken, or there is little. Never rejects. */
  async keep(): Promise<void> {
    if (this.#isKept) return;
    this.#keeping ??= this.#take()
      .catch(() => undefined)
      .finally(() => {
        this.#keeping = undefined;
      });
    await this.#keeping;
  }

  /** Gives the space back; false if there was none to give. */
  async giveUp(): Promise<boolean> {
    await this.#keeping;
    this.#isKept = false;
    try {
      await unlink(this.#path);
      // A journal may free what was removed with its next commit only.
      await syncDirectory(dirname(this.#path));
      return true;
    } catch {
      return false;
    }
  }

  /** Resolves when nothing is on its way. */
  async idle(): Promise<void> {
    await this.#keeping;
  }

  /**
   * Runs `work`, and once more after giving up the space if the disk was full; `work` can begin
   * anew.
   */
  async spend<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!isOutOfSpace(error) || !(await this.giveUp())) throw error;
      return work();
    }
  }

  async #take(): Promise<void> {
    const { bavail, bsize } = await statfs(dirname(this.#path));
    if (bavail * bsize < FREE_PARTS_MIN * RESERVE_BYTES) return;
    const file = await open(this.#path, 'wx', 0o600).catch((error) => {
      if (systemCode(error) !== 'EEXIST') throw error;
      return undefined;
    });
    this.#isKept = true;
    if (file === undefined) return;
    try {
      await file.writeFile(new Uint8Array(RESERVE_BYTES));
      await file.datasync();
    } catch (error) {
      this.#isKept = false;
      await unlink(this.#path);
      throw error;
    } finally {
      await file.close();
    }
  }
}
