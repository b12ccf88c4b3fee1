/**
 * The file that a log appends to. Its descriptor may be given up between two writes, to a pool that many logs share; the next write opens the
 * file again.
 */
import { dirname } from 'node:path';
import type { FileStatus, WritableFile } from '../../base/files.js';
import type { DescriptorHolder, DescriptorPool } from './descriptor-pool.js';
import { type DirectoryRules, SEGMENT_MODE } from './repair.js';

/** One operation at a time. */
export class TailFile implements DescriptorHolder {
  readonly #pool: DescriptorPool;
  readonly #rules: DirectoryRules;
  readonly #isIdle: () => boolean;
  #path: string;
  /** Undefined while the descriptor is given up. */
  #file: WritableFile | undefined;
  /** What the file was when its descriptor was given up. */
  #was: FileStatus | undefined;
  /** Settles when the descriptor that is being given up is closed. */
  #givingUp: Promise<void> = Promise.resolve();

  /** `isIdle`: nothing is being written, and everything that was is durable. */
  constructor(path: string, file: WritableFile, pool: DescriptorPool, rules: DirectoryRules, isIdle: () => boolean) {
    this.#path = path;
    this.#file = file;
    this.#pool = pool;
    this.#rules = rules;
    this.#isIdle = isIdle;
    pool.used(this);
  }

  get canGiveUp(): boolean {
    return this.#file !== undefined && this.#isIdle();
  }

  giveUp(): Promise<void> {
    const file = this.#file!;
    this.#file = undefined;
    this.#givingUp = (async () => {
      try {
        this.#was = file.status();
      } finally {
        await file.close();
      }
    })();
    return this.#givingUp;
  }

  /** The open file. @throws if it must be opened again, and its name stands for another file than the one that was written. */
  async use(): Promise<WritableFile> {
    const file = this.#file ?? (await this.#reopen());
    this.#pool.used(this);
    return file;
  }

  /** Resolves when one more file may be opened in place of this one. */
  async makeRoom(): Promise<void> {
    if (this.#file !== undefined) return;
    await this.#givingUp;
    await this.#pool.makeRoom();
  }

  /** `file`, which is open, takes the place of this one, which is closed when the promise resolves. */
  async replace(path: string, file: WritableFile): Promise<void> {
    const old = this.#file;
    this.#path = path;
    this.#file = file;
    this.#pool.used(this);
    await old?.close();
  }

  /** Closes the file until {@link replace} puts another one in its place. Idempotent. */
  async closeFile(): Promise<void> {
    await this.#givingUp;
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** Closes the file for good. */
  async close(): Promise<void> {
    this.#pool.gone(this);
    await this.closeFile();
  }

  async #reopen(): Promise<WritableFile> {
    const path = this.#path;
    await this.#givingUp;
    const open = () => this.#rules.files.open(path, SEGMENT_MODE, { empty: false, existing: true });
    const file = await this.#pool.open(open);
    this.#file = file;
    const [is, was] = [file.status(), this.#was!];
    if (is.device !== was.device || is.inode !== was.inode || is.bytes !== was.bytes) {
      throw new Error(`${path} is not the file that was written before: it was replaced, cut or written by others`);
    }
    return file;
  }
}

/**
 * Opens a log's tail for the first time. A process that was killed may have left an entry, or a name, that is in the system's memory only.
 * What is handed out as recovered must be durable, so it is synced first.
 */
export async function openTail(
  path: string,
  pool: DescriptorPool,
  { files, directorySync }: DirectoryRules,
): Promise<WritableFile> {
  const file = await pool.open(() => files.open(path, SEGMENT_MODE, { empty: false }));
  try {
    await file.sync();
    if (!directorySync) return file;
    await files.syncDirectory(dirname(path));
    await files.syncDirectory(dirname(dirname(path)));
    return file;
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
}
