/**
 * The port to the file system: all operations that change something on disk. Tests record these
 * operations, stop after any of them, or make one fail. A second interface has the reads of
 * preflight.
 */
import * as fs from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { called } from './called.js';
import { openToRead, readFully } from './open-file.js';
import { withMethods } from './options.js';
import { createSynced, openSynced, type SyncedFile, syncDirectory } from './synced-file.js';

/** The current status of a file. */
export interface FileStatus {
  readonly bytes: number;
  /** Device and inode identify the file: another file of the same name has different ones. */
  readonly device: bigint;
  readonly inode: bigint;
}

/** An open file. Takes one operation at a time, except for {@link writeSynced}. */
export interface WritableFile {
  /** Writes all chunks of `data`, one after another, starting at byte `position`. */
  write(data: readonly Uint8Array[], position: number): Promise<void>;
  /**
   * Writes like {@link write}; the bytes are durable when it resolves, as after {@link sync}.
   * Several calls may run at once, for ranges that do not overlap. If it rejects, the state of
   * those bytes is unknown, and a successful retry would not prove that they are durable.
   */
  writeSynced(data: readonly Uint8Array[], position: number): Promise<void>;
  /**
   * Writes a few bytes synchronously: when it returns, the kernel has them, so they survive the
   * process. A short write is an error. Blocks the thread; use it for bytes that must be written
   * before the caller continues.
   */
  writeNow(data: Uint8Array, position: number): void;
  /** Cuts or extends the file to `length` bytes. */
  truncate(length: number): Promise<void>;
  /**
   * Makes content and length durable (fdatasync). Does not make the file's name durable: sync its
   * directory for that.
   */
  sync(): Promise<void>;
  /**
   * The status of the open file, whatever its name refers to now. Synchronous; a system call of
   * about a microsecond.
   */
  status(): FileStatus;
  /**
   * Number of hard links. More than 1 if the file also belongs to a backup or a snapshot; 0 if it
   * was removed, or if the file system does not count links. Synchronous like {@link status}, and
   * asked for in every batch.
   */
  links(): number;
  /**
   * Closes the file. Idempotent. Every later operation throws: the descriptor's number may belong
   * to another file by then.
   */
  close(): Promise<void>;
}

/** How a file is opened. */
export interface OpenHow {
  /** Create a new file. An existing file of that name is removed first. */
  readonly empty: boolean;
  /** With `empty`: reject with EEXIST if the file exists. */
  readonly exclusive?: boolean;
  /** Do not create an absent file: reject with ENOENT. */
  readonly existing?: boolean;
  /**
   * The file is written only by {@link WritableFile.writeSynced}, which then needs one system call
   * where the system supports that.
   */
  readonly synced?: boolean;
}

/** The operations of a store on a directory tree. */
export interface Files {
  /**
   * Opens a regular file for writing; an absent one is created with `mode`. Rejects for a link, a
   * FIFO, a device.
   */
  open(path: string, mode: number, how: OpenHow): Promise<WritableFile>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file. */
  remove(path: string): Promise<void>;
  /** Removes a directory and its content; does nothing if it is absent. */
  removeTree(path: string): Promise<void>;
  /** Creates one directory, mode 0700; does nothing if it exists. */
  makeDirectory(path: string): Promise<void>;
  /** Makes the names in a directory durable (fsync). */
  syncDirectory(path: string): Promise<void>;
}

/** A file that is open for reading. */
export interface ReadableFile {
  /** Its length when it was opened. */
  readonly bytes: number;
  /**
   * Fills `into` from byte `position` on. Resolves with the number of bytes read: fewer than the
   * length of `into` only at the end of the file.
   */
  read(into: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

/** Reads of files that this package did not write, such as LevelDB's. */
export interface FileReads {
  /** Opens a regular file. Rejects for a link, a FIFO, a device. */
  open(path: string): Promise<ReadableFile>;
}

/** {@link FileReads} on the real file system. */
export const diskReads: FileReads = {
  async open(path) {
    const { handle, size } = await openToRead(path);
    return {
      bytes: size,
      read: (into, position) => readFully(handle.fd, into, position),
      close: () => handle.close(),
    };
  },
};

/** The option `files`. */
export const checkFiles = withMethods<Files>('a port to files', 'open', 'rename', 'remove', 'syncDirectory');

/** The option `reads`. */
export const checkReads = withMethods<FileReads>('a port to files that are read', 'open');

/** Mode of directories: accessible to the node's user only. */
const DIRECTORY_MODE = 0o700;

/**
 * Largest write that is done synchronously, in bytes: copying it into the page cache takes less
 * time than a round trip to a pool thread.
 */
const SYNC_WRITE_BYTES_MAX = 64 * 1024;

/**
 * On Linux, a write to a descriptor with this flag is a write and an fdatasync of its bytes, with
 * one call on a pool thread instead of two. Not used elsewhere: on macOS it would not flush the
 * disk's cache, as libuv's fdatasync does.
 */
const SYNCED_FLAG = process.platform === 'linux' ? fs.constants.O_DSYNC : 0;

/**
 * Errors of a file system that does not support the flag. A synced write is then a write and an
 * fdatasync.
 */
const NOT_SUPPORTED = new Set(['EINVAL', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS']);

/**
 * Chunks that one system call accepts on every system (IOV_MAX is 1024 on Linux). libuv splits
 * longer lists into several calls and does not report which one failed.
 */
const CHUNKS_A_CALL = 1024;

/**
 * Error codes of Windows for a rename over a file, or over a directory with a file, that another
 * program has open, such as a virus scanner or an indexer.
 */
const IN_USE = new Set(['EPERM', 'EACCES', 'EBUSY']);

/** Pauses before such a rename is tried again: these programs close a file within a second. */
const RENAME_WAITS_MS: readonly number[] = [10, 30, 100, 300, 600];

/** libuv's default if UV_THREADPOOL_SIZE is not set. */
const POOL_THREADS = 4;
const POOL_THREADS_MAX = 1024;

/**
 * Number of threads for file operations of this process, computed from UV_THREADPOOL_SIZE as libuv
 * does.
 */
export function poolThreads(env: NodeJS.ProcessEnv = process.env): number {
  const asked = env.UV_THREADPOOL_SIZE;
  if (asked === undefined) return POOL_THREADS;
  return Math.min(POOL_THREADS_MAX, Math.max(1, Number.parseInt(asked, 10) || 1));
}

/**
 * {@link Files} on the real file system, with plain file descriptors that stay open. Operations
 * that may wait for the disk (syncs, creating and freeing files, large writes) run on Node's thread
 * pool. Small writes without sync, renames and closes are synchronous: they take less time than a
 * round trip to one of the few pool threads (figures: docs/benchmarks-details.md).
 */
export const diskFiles: Files = {
  async open(path, mode, { empty, exclusive = false, existing = false, synced = false }) {
    const { O_CREAT, O_EXCL, O_RDWR } = fs.constants;
    const create = existing ? 0 : O_CREAT | (exclusive ? O_EXCL : 0);
    const openWith = (flag: number) =>
      empty && !exclusive ? createSynced(path, O_RDWR | flag, mode) : openSynced(path, create | O_RDWR | flag, mode);
    if (!synced || SYNCED_FLAG === 0) return new DiskFile(await openWith(0), false);
    try {
      return new DiskFile(await openWith(SYNCED_FLAG), true);
    } catch (error) {
      if (!NOT_SUPPORTED.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
      return new DiskFile(await openWith(0), false);
    }
  },
  async rename(from, to) {
    const waits = process.platform === 'win32' ? RENAME_WAITS_MS.values() : [].values();
    for (;;) {
      try {
        return fs.renameSync(from, to);
      } catch (error) {
        const wait = IN_USE.has((error as NodeJS.ErrnoException).code ?? '') ? waits.next().value : undefined;
        if (wait === undefined) throw error;
        await setTimeout(wait);
      }
    }
  },
  remove: (path) => called((done) => fs.unlink(path, done)),
  removeTree: (path) => called((done) => fs.rm(path, { recursive: true, force: true }, done)),
  async makeDirectory(path) {
    try {
      await called<void>((done) => fs.mkdir(path, DIRECTORY_MODE, done));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  },
  syncDirectory,
};

class DiskFile implements WritableFile {
  readonly #file: SyncedFile;
  /** True if each write to the descriptor is a synced one. */
  readonly #syncs: boolean;
  #closed = false;

  /** @throws if the file is closed. */
  get #open(): SyncedFile {
    if (this.#closed) throw new Error('the file was closed');
    return this.#file;
  }

  constructor(file: SyncedFile, syncs: boolean) {
    this.#file = file;
    this.#syncs = syncs;
  }

  async write(data: readonly Uint8Array[], position: number): Promise<void> {
    let rest = data;
    let at = position;
    while (rest.length > 0) {
      const written = isSmall(rest) ? fs.writevSync(this.#open.fd, rest, at) : await this.#writev(rest, at);
      rest = after(rest, written);
      at += written;
    }
  }

  async writeSynced(data: readonly Uint8Array[], position: number): Promise<void> {
    if (!this.#syncs) {
      await this.write(data, position);
      return this.sync();
    }
    // A short write may hide a failed sync, which the kernel reports only once: the rest must not
    // be retried.
    let at = position;
    for (let first = 0; first < data.length; first += CHUNKS_A_CALL) {
      const chunks = data.slice(first, first + CHUNKS_A_CALL);
      const bytes = bytesIn(chunks);
      const written = await this.#writev(chunks, at);
      if (written !== bytes) throw shortWrite(written, bytes);
      at += bytes;
    }
  }

  writeNow(data: Uint8Array, position: number): void {
    const written = fs.writeSync(this.#open.fd, data, 0, data.length, position);
    if (written !== data.length) throw shortWrite(written, data.length);
  }

  truncate(length: number): Promise<void> {
    return called((done) => fs.ftruncate(this.#open.fd, length, done));
  }

  async sync(): Promise<void> {
    return this.#open.datasync();
  }

  status(): FileStatus {
    return statusOf(fs.fstatSync(this.#open.fd, { bigint: true }));
  }

  links(): number {
    // Numbers, like the status of paths that a batch compares: one code in the processor's caches.
    return fs.fstatSync(this.#open.fd).nlink;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#file.close();
  }

  #writev(data: readonly Uint8Array[], at: number): Promise<number> {
    return called((done) => fs.writev(this.#open.fd, data, at, (error, written) => done(error, written)));
  }
}

/** The current status of the file at `path`. @throws errors of the file system. */
export function statusAt(path: string): FileStatus {
  return statusOf(fs.statSync(path, { bigint: true }));
}

function statusOf({ dev, ino, size }: fs.BigIntStats): FileStatus {
  return { device: dev, inode: ino, bytes: Number(size) };
}

function shortWrite(written: number, bytes: number): Error {
  return new Error(`${written} of ${bytes} bytes were written: the disk may be full, or failing`);
}

function isSmall(chunks: readonly Uint8Array[]): boolean {
  return bytesIn(chunks) <= SYNC_WRITE_BYTES_MAX;
}

function bytesIn(chunks: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const { length } of chunks) bytes += length;
  return bytes;
}

/** The rest of `chunks` after their first `bytes` bytes. */
function after(chunks: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let gone = bytes;
  for (const [i, chunk] of chunks.entries()) {
    if (gone < chunk.length) return [chunk.subarray(gone), ...chunks.slice(i + 1)];
    gone -= chunk.length;
  }
  return [];
}
