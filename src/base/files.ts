/**
 * The file operations that change something on disk, as one interface, so that tests can record them, stop
 * after any of them, or let one fail; and the reads of preflight, as another one.
 */
import * as fs from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { called } from './called.js';
import { openToRead, readFully } from './open-file.js';
import { withMethods } from './options.js';
import { createSynced, openSynced, type SyncedFile, syncDirectory } from './synced-file.js';

/** What an open file is now. */
export interface FileStatus {
  /**
   * Its names: more than 1 if it has another owner (a backup, a snapshot); 0 once it was removed, or where
   * the file system does not count.
   */
  readonly links: number;
  readonly bytes: number;
  /** Device and inode tell a file from another one of the same name. */
  readonly device: bigint;
  readonly inode: bigint;
}

/** An open file. One operation at a time, but for {@link writeSynced}. */
export interface WritableFile {
  /** Writes all of `data`, one behind the other, at byte `position`. */
  write(data: readonly Uint8Array[], position: number): Promise<void>;
  /**
   * The same, and what was written is durable, as after {@link sync}, when it resolves. Several may be on
   * their way at once, to places apart from each other. When it rejects, nothing can be said of those bytes,
   * and a retry would prove nothing.
   */
  writeSynced(data: readonly Uint8Array[], position: number): Promise<void>;
  /**
   * Writes a few bytes at once: when it returns, the kernel has them, so that they survive the process. A
   * short write is an error. It blocks, and is for what must be written before the caller goes on.
   */
  writeNow(data: Uint8Array, position: number): void;
  /** Cuts or extends the file to `length` bytes. */
  truncate(length: number): Promise<void>;
  /** Makes content and length durable (fdatasync). The file's name is its directory's business. */
  sync(): Promise<void>;
  /**
   * By the descriptor, at once: unlike a look at the name, it is about the file that will be written. A
   * system call of a microsecond.
   */
  status(): FileStatus;
  /** Idempotent. Every later operation is refused: the number of the descriptor may be that of another file by then. */
  close(): Promise<void>;
}

/** How a file is opened. */
export interface OpenHow {
  /** A new file, made under a free name: what had the name loses it. */
  readonly empty: boolean;
  /** One that is absent is not made: ENOENT. */
  readonly existing?: boolean;
  /**
   * It is written by {@link WritableFile.writeSynced} only, which then is one call where the system has such
   * a thing.
   */
  readonly synced?: boolean;
}

/** What a store does to a directory tree. */
export interface Files {
  /** Opens a regular file to write; one that is absent is made with `mode`. Rejects for a link, a FIFO, a device. */
  open(path: string, mode: number, how: OpenHow): Promise<WritableFile>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file. */
  remove(path: string): Promise<void>;
  /** Removes a directory with all that is in it; an absent one is fine. */
  removeTree(path: string): Promise<void>;
  /** Makes one directory, mode 0700; one that is there is fine. */
  makeDirectory(path: string): Promise<void>;
  /** Makes the names in a directory durable (fsync). */
  syncDirectory(path: string): Promise<void>;
}

/** A file that is open for reading. */
export interface ReadableFile {
  /** Its length when it was opened. */
  readonly bytes: number;
  /**
   * Fills `into` from byte `position` on. Resolves with the number of bytes that were there: fewer only at
   * the end of the file.
   */
  read(into: Uint8Array, position: number): Promise<number>;
  close(): Promise<void>;
}

/** How the files of others are read. */
export interface FileReads {
  /** Opens a regular file. Rejects for a link, a FIFO, a device. */
  open(path: string): Promise<ReadableFile>;
}

/** The real ones. */
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

/** Directories: nobody but the node has any business here. */
const DIRECTORY_MODE = 0o700;

/** A write of at most so many bytes is a copy into the page cache that takes less than the way to a thread and back. */
const SYNC_WRITE_BYTES_MAX = 64 * 1024;

/**
 * On Linux a write to a descriptor with this flag is a write and an fdatasync of what it wrote, in one call
 * to a thread instead of two. Not elsewhere: macOS would not make the disk empty its cache for it, as libuv's
 * fdatasync does.
 */
const SYNCED_FLAG = process.platform === 'linux' ? fs.constants.O_DSYNC : 0;

/** How a file system that does not know the flag refuses it; then a synced write is a write and an fdatasync. */
const NOT_SUPPORTED = new Set(['EINVAL', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS']);

/**
 * What one system call takes on every system (IOV_MAX of POSIX on Linux); libuv makes several of more, and
 * does not tell which of them failed.
 */
const CHUNKS_A_CALL = 1024;

/** How Windows refuses to rename over a file, or a directory with one, that another program has open: a virus scanner, an indexer. */
const IN_USE = new Set(['EPERM', 'EACCES', 'EBUSY']);

/** Pauses before such a rename is tried again: such programs close a file within a second. */
const RENAME_WAITS_MS: readonly number[] = [10, 30, 100, 300, 600];

/** What libuv has when UV_THREADPOOL_SIZE does not say otherwise. */
const POOL_THREADS = 4;
const POOL_THREADS_MAX = 1024;

/** Threads that file operations of this process share, as libuv reads UV_THREADPOOL_SIZE. */
export function poolThreads(env: NodeJS.ProcessEnv = process.env): number {
  const asked = env.UV_THREADPOOL_SIZE;
  if (asked === undefined) return POOL_THREADS;
  return Math.min(POOL_THREADS_MAX, Math.max(1, Number.parseInt(asked, 10) || 1));
}

/**
 * The real ones, on plain file descriptors that stay open. What may wait for the disk (syncs, making and
 * freeing files, large writes) goes to Node's thread pool; small writes that are not synced, renames and
 * closes are done at once: they cost less than the way to a thread, and the threads are few
 * (docs/benchmarks-details.md has the figures).
 */
export const diskFiles: Files = {
  async open(path, mode, { empty, existing = false, synced = false }) {
    const { O_CREAT, O_RDWR } = fs.constants;
    const create = existing ? 0 : O_CREAT;
    const openWith = (flag: number) =>
      empty ? createSynced(path, O_RDWR | flag, mode) : openSynced(path, create | O_RDWR | flag, mode);
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
  /** Each write of the descriptor is a synced one. */
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
      rest = behind(rest, written);
      at += written;
    }
  }

  async writeSynced(data: readonly Uint8Array[], position: number): Promise<void> {
    if (!this.#syncs) {
      await this.write(data, position);
      return this.sync();
    }
    // A call that is cut short may hide that a sync failed, and the kernel tells of that once: the rest must not be tried again.
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

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#file.close();
  }

  #writev(data: readonly Uint8Array[], at: number): Promise<number> {
    return called((done) => fs.writev(this.#open.fd, data, at, (error, written) => done(error, written)));
  }
}

/** What the file at `path` is now. @throws what the file system throws. */
export function statusAt(path: string): FileStatus {
  return statusOf(fs.statSync(path, { bigint: true }));
}

function statusOf({ dev, ino, nlink, size }: fs.BigIntStats): FileStatus {
  return { device: dev, inode: ino, links: Number(nlink), bytes: Number(size) };
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

/** What is left of `chunks` behind their first `bytes`. */
function behind(chunks: readonly Uint8Array[], bytes: number): readonly Uint8Array[] {
  let gone = bytes;
  for (const [i, chunk] of chunks.entries()) {
    if (gone < chunk.length) return [chunk.subarray(gone), ...chunks.slice(i + 1)];
    gone -= chunk.length;
  }
  return [];
}
