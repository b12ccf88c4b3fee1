/** Reading LevelDB's files: few large reads, the next one under way while the last one is looked at, memory bounded. */
import { diskReads, type FileReads, type ReadableFile } from '../../../base/files.js';

/** Bytes of a read, unless its caller says so. */
const PORTION_BYTES = 1024 * 1024;

/** Opens files one after the other, with two buffers for all of them. */
export class FileReader {
  readonly files: FileReads;
  readonly #buffers = [Buffer.alloc(0), Buffer.alloc(0)];
  /** Bytes that were read. */
  bytes = 0;

  constructor(files = diskReads) {
    this.files = files;
  }

  /** Runs `use` on the file at `path`; undefined if there is none, or something that is no file. */
  async with<T>(path: string, use: (file: SourceFile) => Promise<T>): Promise<T | undefined> {
    const file = await SourceFile.open(path, this);
    if (file === undefined) return undefined;
    try {
      return await use(file);
    } finally {
      await file.close();
    }
  }

  /** One of two buffers, of at least so many bytes. */
  buffer(turn: number, bytes: number): Buffer {
    if (this.#buffers[turn]!.length < bytes) this.#buffers[turn] = Buffer.allocUnsafeSlow(bytes);
    return this.#buffers[turn]!;
  }
}

/** Nothing of that name, or something that is no file. */
const NO_FILE = new Set(['ENOENT', 'EFTYPE', 'EISDIR', 'ELOOP', 'ENXIO']);

/** A file that is open for reading, as long as it was when it was opened. */
export class SourceFile {
  readonly size: number;
  readonly #file: ReadableFile;
  readonly #reader: FileReader;

  private constructor(file: ReadableFile, reader: FileReader) {
    this.#file = file;
    this.size = file.bytes;
    this.#reader = reader;
  }

  /** Opens the file; undefined if there is none of that name, or something that is no file. */
  static async open(path: string, reader: FileReader): Promise<SourceFile | undefined> {
    try {
      return new SourceFile(await reader.files.open(path), reader);
    } catch (error) {
      if (NO_FILE.has((error as NodeJS.ErrnoException).code ?? '')) return undefined;
      throw error;
    }
  }

  /** The bytes [from, to), fewer where the file ends. */
  async read(from: number, to: number): Promise<Buffer> {
    return this.#fill(Buffer.allocUnsafeSlow(Math.max(0, Math.min(to, this.size) - from)), from);
  }

  /**
   * Calls `use` with the bytes [from, to) in portions of `portionBytes`, each in a turn of the event loop of its own; one is only valid until
   * `use` returns.
   */
  async portions(
    from: number,
    to: number,
    use: (bytes: Buffer, at: number) => void,
    portionBytes = PORTION_BYTES,
  ): Promise<void> {
    const end = Math.min(to, this.size);
    const start = (at: number, turn: number) => {
      const bytes = Math.max(0, Math.min(portionBytes, end - at));
      return this.#fill(this.#reader.buffer(turn, bytes).subarray(0, bytes), at);
    };
    let reading = start(from, 0);
    for (let at = from, turn = 0; at < end; turn = 1 - turn) {
      const bytes = await reading;
      if (bytes.length === 0) return;
      const next = at + bytes.length;
      reading = start(next, 1 - turn);
      // A failed read is thrown when its turn comes, or below.
      reading.catch(() => undefined);
      use(bytes, at);
      at = next;
    }
    await reading;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #fill(buffer: Buffer, from: number): Promise<Buffer> {
    const done = await this.#file.read(buffer, from);
    this.#reader.bytes += done;
    return buffer.subarray(0, done);
  }
}
