/**
 * Disk space kept in reserve for a full disk: the file `lock/reserve`. Operations that free space
 * need some first: an anchor that is longer than the one before it, the rest of a segment that is
 * written again, the database that holds the lock. If such an operation finds the disk full, the
 * reserve is given up. It is taken again once there is space.
 *
 * The file has no other purpose: it may be removed at any time.
 */
import { open, statfs, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from '../../base/synced-file.js';
import { isOutOfSpace, systemCode } from './io.js';

/** Name of the file in the lock's directory. LevelDB does not remove files with unknown names. */
export const RESERVE_FILE = 'reserve';

const RESERVE_BYTES = 256 * 1024;
/**
 * The reserve is taken only if the free space is this many times as large, so that the reserve
 * itself does not fill the disk.
 */
const FREE_PARTS_MIN = 16;

/** The reserve of one state directory. */
export class Reserve {
  readonly #path: string;
  #isKept = false;
  #keeping: Promise<void> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * True if the space was taken and not given up since. The file may still have been removed by
   * others.
   */
  get isKept(): boolean {
    return this.#isKept;
  }

  /** Takes the space, unless it is taken or the disk has little left. Never rejects. */
  async keep(): Promise<void> {
    if (this.#isKept) return;
    this.#keeping ??= this.#take()
      .catch(() => undefined)
      .finally(() => {
        this.#keeping = undefined;
      });
    await this.#keeping;
  }

  /** Gives the space back; false if none was taken. */
  async giveUp(): Promise<boolean> {
    await this.#keeping;
    this.#isKept = false;
    try {
      await unlink(this.#path);
      // A journalling file system may free the blocks only at its next commit.
      await syncDirectory(dirname(this.#path));
      return true;
    } catch {
      return false;
    }
  }

  /** Resolves when no `keep` is in progress. */
  async idle(): Promise<void> {
    await this.#keeping;
  }

  /**
   * Runs `work`. If it finds the disk full, gives up the space and runs `work` again; so `work`
   * must be repeatable.
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
