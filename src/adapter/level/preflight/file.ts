/**
 * Reads LevelDB's files in a few large reads. The next portion is read while the previous one is
 * processed. Memory is bounded.
 */
import { diskReads, type FileReads, type ReadableFile } from '../../../base/files.js';

/** Default size of a portion. */
const PORTION_BYTES = 1024 * 1024;

/** Reads files, one after another. They share two buffers. */
export class FileReader {
  readonly files: FileReads;
  /** The file whose portions are in the buffers. */
  owner: SourceFile | undefined;
  readonly #buffers = [Buffer.alloc(0), Buffer.alloc(0)];
  /** Bytes read so far, of all files. */
  bytes = 0;

  readonly #onRead: ((bytes: number) => void) | undefined;

  /** `onRead` is called with the size of each read. */
  constructor(files = diskReads, onRead?: (bytes: number) => void) {
    this.files = files;
    this.#onRead = onRead;
  }

  /** Counts the bytes of a read. */
  count(bytes: number): void {
    this.bytes += bytes;
    this.#onRead?.(bytes);
  }

  /** Runs `use` on the file at `path`, then closes it; undefined if there is no regular file. */
  async with<T>(path: string, use: (file: SourceFile) => Promise<T>): Promise<T | undefined> {
    const file = await SourceFile.open(path, this);
    if (file === undefined) return undefined;
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  }

  /** Buffer `turn`, 0 or 1, with at least `bytes` bytes. */
  buffer(turn: number, bytes: number): Buffer {
    if (this.#buffers[turn]!.length < bytes) this.#buffers[turn] = Buffer.allocUnsafeSlow(bytes);
    return this.#buffers[turn]!;
  }
}

/** Error codes for an absent name, or one that is not a regular file. */
const NO_FILE = new Set(['ENOENT', 'EFTYPE', 'EISDIR', 'ELOOP', 'ENXIO']);

/** The bytes of a file from `at` on. */
interface Stretch {
  readonly at: number;
  readonly bytes: Buffer;
}

/** A file open for reading. `size` is its size when it was opened. */
export class SourceFile {
  readonly size: number;
  readonly #file: ReadableFile;
  readonly #reader: FileReader;
  #ahead: Stretch | undefined;
  /** The last two portions: valid while the reader's buffers belong to this file. */
  #portions: readonly Stretch[] = [];

  private constructor(file: ReadableFile, reader: FileReader) {
    this.#file = file;
    this.size = file.bytes;
    this.#reader = reader;
  }

  /** Opens the file; undefined if there is no regular file of that name. */
  static async open(path: string, reader: FileReader): Promise<SourceFile | undefined> {
    try {
      return new SourceFile(await reader.files.open(path), reader);
    } catch (error) {
      if (NO_FILE.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
      throw error;
    }
  }

  /** The bytes [from, to), fewer if the file ends before `to`. */
  async read(from: number, to: number): Promise<Buffer> {
    const end = Math.min(to, this.size);
    const held = [this.#ahead, ...(this.#reader.owner === this ? this.#portions : [])];
    for (const stretch of held) {
      if (stretch === undefined || from < stretch.at || end > stretch.at + stretch.bytes.length) continue;
      return Buffer.from(stretch.bytes.subarray(from - stretch.at, end - stretch.at));
    }
    return this.#fill(Buffer.allocUnsafeSlow(Math.max(0, end - from)), from);
  }

  /**
   * Reads the bytes [from, to) at once, and keeps them until the next call: reads of parts of them
   * do not read the file.
   */
  async readAhead(from: number, to: number): Promise<void> {
    this.#ahead = { at: from, bytes: await this.read(from, to) };
  }

  /**
   * Calls `use` with the bytes [from, to) in portions of `portionBytes`, each in its own turn of
   * the event loop. A portion is valid only until `use` returns.
   */
  async portions(
    from: number,
    to: number,
    use: (bytes: Buffer, at: number) => void,
    portionBytes = PORTION_BYTES,
  ): Promise<void> {
    const end = Math.min(to, this.size);
    const read: Stretch[] = [];
    this.#portions = [];
    this.#reader.owner = this;
    const start = (at: number, turn: number) => {
      const bytes = Math.max(0, Math.min(portionBytes, end - at));
      return this.#fill(this.#reader.buffer(turn, bytes).subarray(0, bytes), at);
    };
    let reading = start(from, 0);
    try {
      for (let at = from, turn = 0; at < end; turn = 1 - turn) {
        const bytes = await reading;
        if (bytes.length === 0) return;
        const next = at + bytes.length;
        reading = start(next, 1 - turn);
        // Prevents an unhandled rejection: a later `await` of `reading` throws the error.
        reading.catch(() => undefined);
        use(bytes, at);
        read[turn] = { at, bytes };
        at = next;
      }
      await reading;
    } finally {
      // If `use` threw, a read is under way, and its buffer and descriptor are not free before.
      await reading.catch(() => undefined);
    }
    this.#portions = read;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #fill(buffer: Buffer, from: number): Promise<Buffer> {
    const done = await this.#file.read(buffer, from);
    this.#reader.count(done);
    return buffer.subarray(0, done);
  }
}
