/**
 * Files that stay open between writes, without a descriptor for each of them: a log has one tail, and a node may have a thousand lanes.
 *
 * At most so many are open; the one that was used longest ago is closed, and opened again when its log writes to it. What is closed is
 * durable: a file is given up only when nothing was written to it since its last sync, for a later descriptor may not learn that writing
 * back failed. What is opened again must be the same file: its device, its inode and its size, or else the log behind the name is not the one
 * that this process wrote.
 */
import { type FileStatus, type Files, type OpenHow, statusAt, type WritableFile } from '../files.js';
import { systemCode } from './io.js';

/** Tails that are kept open: a committee of the largest kind, and the log of CommitQCs. */
export const OPEN_FILES_MAX = 128;

/** The file operations of logs, over `files`. Files that are in use, or not synced, may be more than `openMax` for a moment. */
export class DescriptorPool implements Files {
  readonly #files: Files;
  readonly #openMax: number;
  /** Open; the one that was used longest ago first. */
  readonly #open = new Set<PooledFile>();
  /** Open, or being opened. */
  #count = 0;
  /** Open or not, by the name that each has now. */
  readonly #byPath = new Map<string, PooledFile>();

  constructor(files: Files, openMax = OPEN_FILES_MAX) {
    this.#files = files;
    this.#openMax = openMax;
  }

  async open(path: string, mode: number, how: OpenHow): Promise<WritableFile> {
    const file = new PooledFile(this, path, mode, how.empty);
    await file.reopen(how);
    this.#byPath.set(path, file);
    return file;
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#files.rename(from, to);
    const file = this.#byPath.get(from);
    if (file === undefined) return;
    this.#byPath.delete(from);
    this.#byPath.set(to, file);
    file.path = to;
  }

  remove(path: string): Promise<void> {
    return this.#files.remove(path);
  }

  removeTree(path: string): Promise<void> {
    return this.#files.removeTree(path);
  }

  makeDirectory(path: string): Promise<void> {
    return this.#files.makeDirectory(path);
  }

  syncDirectory(path: string): Promise<void> {
    return this.#withDescriptor(() => this.#files.syncDirectory(path));
  }

  /** Opens the descriptor of a file of this pool, once there is one to spare. */
  async openDescriptor(file: PooledFile, how: OpenHow): Promise<WritableFile> {
    this.#count++;
    try {
      while (this.#count > this.#openMax && (await this.#suspendOne()));
      const opened = await this.#withDescriptor(() => this.#files.open(file.path, file.mode, how));
      this.#open.add(file);
      return opened;
    } catch (error) {
      this.#count--;
      throw error;
    }
  }

  /** `file` is used: the others are closed before it. */
  touch(file: PooledFile): void {
    this.#open.delete(file);
    this.#open.add(file);
  }

  /** The descriptor of `file` is closed, or about to be. */
  gaveUp(file: PooledFile): void {
    if (this.#open.delete(file)) this.#count--;
  }

  /** `file` is not used any more. */
  forget(file: PooledFile): void {
    if (this.#byPath.get(file.path) === file) this.#byPath.delete(file.path);
  }

  /** The process may have fewer descriptors to spare than this pool may take: then the pool gives up what it can. */
  async #withDescriptor<T>(work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        const isOut = systemCode(error) === 'EMFILE' || systemCode(error) === 'ENFILE';
        if (!isOut || !(await this.#suspendOne())) throw error;
      }
    }
  }

  /** Closes the file that was used longest ago, of those that can be closed now. False if there is none. */
  async #suspendOne(): Promise<boolean> {
    for (const file of this.#open) {
      if (!file.canBeSuspended) continue;
      await file.suspend();
      return true;
    }
    return false;
  }
}

/** A file of the pool. One operation at a time. */
class PooledFile implements WritableFile {
  /** The name that it has now. */
  path: string;
  readonly mode: number;
  readonly #pool: DescriptorPool;
  #file: WritableFile | undefined;
  /** What it was when its descriptor was given up. */
  #was: FileStatus | undefined;
  /** Settles when the descriptor that is being given up is closed. */
  #suspending: Promise<void> = Promise.resolve();
  #isInUse = false;
  /** Nothing was written since the last sync. A file that was there before may hold what another process wrote and did not sync. */
  #isSynced: boolean;
  #isClosed = false;

  constructor(pool: DescriptorPool, path: string, mode: number, isSynced: boolean) {
    this.#pool = pool;
    this.path = path;
    this.mode = mode;
    this.#isSynced = isSynced;
  }

  get canBeSuspended(): boolean {
    return !this.#isInUse && this.#isSynced && this.#file !== undefined;
  }

  write(data: readonly Uint8Array[], position: number): Promise<void> {
    this.#isSynced = false;
    return this.#use((file) => file.write(data, position));
  }

  writeSynced(data: readonly Uint8Array[], position: number): Promise<void> {
    return this.#use((file) => file.writeSynced(data, position));
  }

  truncate(length: number): Promise<void> {
    this.#isSynced = false;
    return this.#use((file) => file.truncate(length));
  }

  async sync(): Promise<void> {
    await this.#use((file) => file.sync());
    this.#isSynced = true;
  }

  /** While its descriptor is given up its name tells; that it is the same file is found out when it is opened again. */
  status(): FileStatus {
    return this.#file === undefined ? statusAt(this.path) : this.#file.status();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#pool.forget(this);
    await this.#suspending;
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    this.#pool.gaveUp(this);
    await file.close();
  }

  /** Gives the descriptor up until it is needed again. */
  suspend(): Promise<void> {
    const file = this.#file!;
    this.#file = undefined;
    this.#pool.gaveUp(this);
    this.#suspending = (async () => {
      try {
        this.#was = file.status();
      } finally {
        await file.close();
      }
    })();
    return this.#suspending;
  }

  /** @throws if the name stands for another file than the one whose descriptor was given up. */
  async reopen(how: OpenHow): Promise<WritableFile> {
    const file = await this.#pool.openDescriptor(this, how);
    const was = this.#was;
    if (was !== undefined) {
      const is = file.status();
      if (is.device !== was.device || is.inode !== was.inode || is.bytes !== was.bytes) {
        this.#pool.gaveUp(this);
        await file.close();
        throw new Error(
          `${this.path} is not the file that was written before: it was replaced, cut or written by others`,
        );
      }
    }
    this.#file = file;
    return file;
  }

  async #use<T>(step: (file: WritableFile) => Promise<T>): Promise<T> {
    this.#isInUse = true;
    try {
      if (this.#file !== undefined) {
        this.#pool.touch(this);
        return await step(this.#file);
      }
      await this.#suspending;
      if (this.#isClosed) throw new Error(`${this.path} is closed`);
      return await step(await this.reopen({ empty: false, existing: true }));
    } finally {
      this.#isInUse = false;
    }
  }
}
