/**
 * The file that a log appends to. Between two writes its descriptor may be closed, by a pool that
 * many logs share; the next write opens the file again.
 */
import { dirname } from 'node:path';
import type { FileStatus, WritableFile } from '../../base/files.js';
import type { DescriptorHolder, DescriptorPool } from './descriptor-pool.js';
import { type DirectoryRules, SEGMENT_MODE } from './repair.js';

/** The tail of one log. Takes one operation at a time. */
export class TailFile implements DescriptorHolder {
  readonly #pool: DescriptorPool;
  readonly #rules: DirectoryRules;
  readonly #isIdle: () => boolean;
  #path: string;
  /** Undefined while the descriptor is closed. */
  #file: WritableFile | undefined;
  /** The file's status when its descriptor was closed. */
  #was: FileStatus | undefined;
  /** Settles when `giveUp` has closed the descriptor. */
  #givingUp: Promise<void> = Promise.resolve();

  /** `isIdle`: no write is in progress, and all earlier writes are durable. */
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

  /**
   * The open file.
   * @throws if it had to be opened again, and its name now refers to another file.
   */
  async use(): Promise<WritableFile> {
    const file = this.#file ?? (await this.#reopen());
    this.#pool.used(this);
    return file;
  }

  /** Resolves when the pool has room for one more file, which is to replace this one. */
  async makeRoom(): Promise<void> {
    if (this.#file !== undefined) return;
    await this.#givingUp;
    await this.#pool.makeRoom();
  }

  /** Replaces this file by `file`, which is open. Resolves once the old file is closed. */
  async replace(path: string, file: WritableFile): Promise<void> {
    const old = this.#file;
    this.#path = path;
    this.#file = file;
    this.#pool.used(this);
    await old?.close();
  }

  /** Closes the file; {@link replace} opens the next one. Idempotent. */
  async closeFile(): Promise<void> {
    await this.#givingUp;
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** Closes the file and leaves the pool. */
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
 * Opens a log's tail for the first time. The file and its name are synced first: a process that was
 * killed may have left an entry or a name in the page cache only, and an entry must be durable
 * before it is reported as recovered.
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
