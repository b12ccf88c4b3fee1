/**
 * One log in segment files, as sei-chain's `indexedWAL[T]` over tidwall/wal keeps it: appended at the end, truncated at the front,
 * every step durable when its promise resolves. It knows indexes, not numbers: the first entry ever has index 1, and indexes count on
 * for ever, also when the log is emptied and opened again.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LanestoreError } from '../../errors.js';
import { diskFiles, type Files, type WritableFile } from '../files.js';
import { copyOf, type LogCodec, readEntries } from './entries.js';
import { encodeFrame, readFrame } from './frame.js';
import { isNoSpace, messageOf, reading, writeFailed } from './io.js';
import { segmentName } from './names.js';
import { corrupt, type DirectoryRules, repair, SEGMENT_MODE } from './repair.js';
import type { Reserve } from './reserve.js';
import { finishStart, writeStart } from './restart.js';
import { type LogScan, type Segment, scanLog } from './scan.js';

/** When the tail has this many bytes, the next entry goes to a new segment: 20 MiB, as tidwall/wal. */
export const SEGMENT_BYTES = 20 * 1024 * 1024;

/** Options of {@link IndexedWal.open}. */
export interface IndexedWalOptions {
  /** Where the bytes of torn tails are kept; made when needed. Must not be a directory that the original looks for logs in. */
  readonly tornDirectory: string;
  /** Begins the names in `tornDirectory`, and messages. Default `log`. */
  readonly label?: string;
  /** Sync the directory after a segment was made, renamed or removed. Default true; false is exactly the original. */
  readonly directorySync?: boolean;
  /** @internal Size that a segment is cycled at. */
  readonly segmentBytes?: number;
  /** @internal */
  readonly files?: Files;
  /** @internal */
  readonly reserve?: Reserve;
}

interface Parts {
  readonly directory: string;
  readonly rules: DirectoryRules;
  readonly segmentBytes: number;
}

/**
 * A log of `T` in a directory of its own.
 *
 * Invariant: firstIndex <= nextIndex; equal means empty. Durability: append and truncate resolve after the disk has it; what was
 * begun and not resolved may be there or not after a crash, as a whole. Concurrency: one call at a time (TypeError otherwise).
 * After LANESTORE_FAILED only `close` works; open it again.
 */
export class IndexedWal<T> {
  readonly #codec: LogCodec<T>;
  readonly #parts: Parts;
  #file: WritableFile;
  /** Ascending; the last is the tail. Only the tail's `count` grows, in {@link #frames}. */
  #sealed: Segment[];
  #tail: { name: string; index: bigint };
  /** The tail's entries as they stand in its file. Kept in memory, as the original does: a truncation writes them again. */
  #frames: Uint8Array[];
  #tailBytes: number;
  #busy = false;
  #closed = false;
  #failed: LanestoreError | undefined;

  private constructor(codec: LogCodec<T>, parts: Parts, file: WritableFile, scan: LogScan<T>) {
    this.#codec = codec;
    this.#parts = parts;
    this.#file = file;
    this.#sealed = scan.segments.slice(0, -1);
    const { name, index } = scan.segments.at(-1) ?? { name: segmentName(1n), index: 1n };
    this.#tail = { name, index };
    this.#frames = [...scan.tail];
    this.#tailBytes = bytesIn(this.#frames);
  }

  /**
   * Opens the log in `directory`, or makes it; the directory's parent exists. A torn tail is cut off, and kept; an interrupted
   * truncation is finished.
   * @throws LANESTORE_CORRUPT with findings, the log untouched; LANESTORE_IO.
   */
  static async open<T>(directory: string, codec: LogCodec<T>, options: IndexedWalOptions): Promise<IndexedWal<T>> {
    const scan = await scanLog(directory, codec, { directory: '' });
    if (scan.findings.length > 0) throw corrupt(directory, scan);
    return (await IndexedWal.openScanned(scan, codec, options)).wal;
  }

  /** @internal Opens a log that was scanned without findings; `notes` tells what was mended. */
  static async openScanned<T>(
    scan: LogScan<T>,
    codec: LogCodec<T>,
    options: IndexedWalOptions,
  ): Promise<{ wal: IndexedWal<T>; notes: string[] }> {
    const { directory } = scan;
    const { directorySync = true, files = diskFiles, label = 'log', segmentBytes = SEGMENT_BYTES } = options;
    const rules = { files, directorySync, reserve: options.reserve };
    return reading(`open the log ${directory}`, async () => {
      await files.makeDirectory(directory);
      const notes = await repair(scan, rules, { directory: options.tornDirectory, label });
      const name = scan.segments.at(-1)?.name ?? segmentName(1n);
      const file = await files.open(join(directory, name), SEGMENT_MODE, { empty: false });
      await settle(file, directory, rules);
      return { wal: new IndexedWal(codec, { directory, rules, segmentBytes }, file, scan), notes };
    });
  }

  /** The index of the oldest entry; of the next one if the log is empty. 1 in a new log. */
  get firstIndex(): bigint {
    return this.#sealed[0]?.index ?? this.#tail.index;
  }

  /** The index that the next entry will have. */
  get nextIndex(): bigint {
    return this.#tail.index + BigInt(this.#frames.length);
  }

  /** How many entries the log holds. */
  get count(): number {
    return Number(this.nextIndex - this.firstIndex);
  }

  /** Appends an entry; durable when it resolves. @throws LANESTORE_INVALID (an empty entry, or one of 2 GiB and more), LANESTORE_FAILED. */
  async append(entry: T): Promise<void> {
    await this.appendFrame(encodeFrame(this.#codec.encode(entry)));
  }

  /** @internal Appends what {@link encodeFrame} gave, and keeps it. */
  appendFrame(frame: Uint8Array): Promise<void> {
    return this.#exclusive(() => this.#writing('append to', () => this.#append(frame)));
  }

  /**
   * Removes the entries before `index`, which becomes the oldest; `index` == nextIndex empties the log. `verify` is given
   * the entry that will be the oldest, to look at; what it throws is thrown, and nothing was removed.
   * On a disk that has no room for what stays of a segment, only whole segments are removed: then
   * older entries are left, and {@link firstIndex} is lower than `index`.
   * @throws LANESTORE_INVALID if `index` is not in [firstIndex, nextIndex]; LANESTORE_CORRUPT if that entry does not
   * read (then nothing was removed); LANESTORE_FAILED.
   */
  async truncateBefore(index: bigint, verify?: (entry: T) => void): Promise<void> {
    if (index < this.firstIndex || index > this.nextIndex) {
      const range = `[${this.firstIndex}, ${this.nextIndex}]`;
      throw new LanestoreError('LANESTORE_INVALID', `cannot truncate before index ${index}: it is not in ${range}`);
    }
    await this.#exclusive(async () => {
      let kept: Uint8Array[] = [];
      if (index < this.nextIndex) {
        kept = await this.#framesFrom(index);
        const entry = this.#decode(kept[0]!, index);
        verify?.(entry);
      }
      if (index > this.firstIndex) await this.#writing('truncate', () => this.#restart(index, kept));
    });
  }

  /** Empties the log; indexes count on. */
  async truncateAll(): Promise<void> {
    await this.truncateBefore(this.nextIndex);
  }

  /** Reads all entries from disk, in order. @throws LANESTORE_CORRUPT if they are not those that the log counts; LANESTORE_IO. */
  readAll(): Promise<T[]> {
    return this.#exclusive(async () => {
      const scan = await scanLog(this.#parts.directory, this.#codec, { directory: '' });
      if (scan.findings.length > 0) throw corrupt(this.#parts.directory, scan);
      if (scan.torn !== undefined || scan.entries.length !== this.count) {
        const detail = `${scan.entries.length} entries can be read, ${this.count} were written`;
        throw corrupt(this.#parts.directory, { findings: [{ kind: 'entries-missing', detail }] });
      }
      return [...scan.entries];
    });
  }

  /** Closes the log. Idempotent; also after LANESTORE_FAILED. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await reading(`close the log ${this.#parts.directory}`, () => this.#file.close());
  }

  async #append(frame: Uint8Array): Promise<void> {
    const { segmentBytes } = this.#parts;
    if (this.#tailBytes > segmentBytes) await this.#cycle();
    await this.#writeFrame(frame);
    await this.#file.sync();
    this.#frames.push(frame);
    this.#tailBytes += frame.length;
    if (this.#tailBytes >= segmentBytes) await this.#cycle();
  }

  /**
   * What a full disk took of a frame is given back: the next open would find a torn tail, and no
   * room to keep its bytes.
   */
  async #writeFrame(frame: Uint8Array): Promise<void> {
    try {
      await this.#file.write([frame], this.#tailBytes);
    } catch (error) {
      if (isNoSpace(error)) await this.#file.truncate(this.#tailBytes).catch(() => undefined);
      throw error;
    }
  }

  /** A full tail is complete and durable; the next entry goes to a new segment. */
  async #cycle(): Promise<void> {
    const { directory, rules } = this.#parts;
    const tail = { ...this.#tail, count: this.#frames.length };
    const index = this.nextIndex;
    await this.#file.close();
    this.#file = await rules.files.open(join(directory, segmentName(index)), SEGMENT_MODE, { empty: true });
    if (rules.directorySync) await rules.files.syncDirectory(directory);
    this.#sealed.push(tail);
    this.#tail = { name: segmentName(index), index };
    this.#frames = [];
    this.#tailBytes = 0;
  }

  /**
   * Replaces everything up to the segment with `index` by `frames`, which are what is left of it.
   * On a full disk, the whole segments before it go first, which needs no space, then the reserve
   * does; what still has no room is left for the next truncation.
   */
  async #restart(index: bigint, frames: Uint8Array[]): Promise<void> {
    const { directory, rules } = this.#parts;
    let file = await writeStart(directory, index, frames, rules);
    if (file === undefined) {
      await this.#removeWhole(index);
      file = await writeStart(directory, index, frames, rules);
    }
    if (file === undefined && (await rules.reserve?.giveUp())) file = await writeStart(directory, index, frames, rules);
    if (file !== undefined) return this.#replace(index, frames, file);
    // A log that was emptied may go on at any number: what is left in it must not look as if it came before that.
    if (frames.length === 0) throw new LanestoreError('LANESTORE_IO', `no space left to truncate ${directory}`);
  }

  /**
   * Removes the segments that hold nothing from `index` on. The oldest first, each durably: there
   * is no gap after a power cut.
   */
  async #removeWhole(index: bigint): Promise<void> {
    const { directory, rules } = this.#parts;
    for (;;) {
      const [oldest] = this.#sealed;
      if (oldest === undefined || oldest.index + BigInt(oldest.count) > index) return;
      await rules.files.remove(join(directory, oldest.name));
      if (rules.directorySync) await rules.files.syncDirectory(directory);
      this.#sealed.shift();
    }
  }

  async #replace(index: bigint, frames: Uint8Array[], file: WritableFile): Promise<void> {
    const { directory, rules } = this.#parts;
    const gone = this.#sealed.filter((segment) => segment.index <= index);
    const inTail = index >= this.#tail.index;
    // The new file is the tail when the old tail goes; otherwise it is a sealed segment, and closed.
    const closed = (inTail ? this.#file : file).close();
    if (inTail) this.#file = file;
    const removals = [...gone, ...(inTail ? [this.#tail] : [])].map((segment) => segment.name);
    await Promise.all([finishStart(directory, index, removals, rules), closed]);
    const name = segmentName(index);
    this.#sealed = this.#sealed.slice(gone.length);
    if (inTail) {
      this.#tail = { name, index };
      this.#frames = frames;
      this.#tailBytes = bytesIn(frames);
    } else {
      this.#sealed.unshift({ name, index, count: frames.length });
    }
  }

  /** The entries of the segment with `index`, from that one on. */
  async #framesFrom(index: bigint): Promise<Uint8Array[]> {
    if (index >= this.#tail.index) return this.#frames.slice(Number(index - this.#tail.index));
    const segment = this.#sealed.findLast((candidate) => candidate.index <= index)!;
    const path = join(this.#parts.directory, segment.name);
    const bytes = await reading(`read ${path}`, () => readFile(path));
    const { frames, fault } = readEntries(bytes, this.#codec);
    if (fault !== undefined || frames.length !== segment.count) {
      const detail = fault?.detail ?? `${frames.length} entries can be read, ${segment.count} were written`;
      throw corrupt(path, { findings: [{ kind: 'segment-changed', file: segment.name, detail }] });
    }
    return frames.slice(Number(index - segment.index)).map(({ at, end }) => bytes.subarray(at, end));
  }

  #decode(frame: Uint8Array, index: bigint): T {
    try {
      const place = readFrame(frame, 0);
      if (typeof place === 'string') throw new Error(`its length is ${place}`);
      return this.#codec.decode(copyOf(frame, place));
    } catch (error) {
      const detail = `entry ${index} (by index), which would become the oldest, does not read: ${messageOf(error)}`;
      throw corrupt(this.#parts.directory, { findings: [{ kind: 'entry-undecodable', detail }] });
    }
  }

  async #exclusive<R>(work: () => Promise<R>): Promise<R> {
    if (this.#busy) throw new TypeError('a log takes one call at a time');
    if (this.#failed !== undefined) throw this.#failed;
    if (this.#closed) throw new LanestoreError('LANESTORE_CLOSED', 'the log is closed');
    this.#busy = true;
    try {
      return await work();
    } finally {
      this.#busy = false;
    }
  }

  /** What is on disk after a rejected write is not known until the log is opened again. */
  async #writing(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#failed = writeFailed(`${what} the log ${this.#parts.directory}`, error);
      throw this.#failed;
    }
  }
}

/**
 * A process that was killed may have left an entry, or a name, that is in the system's memory only. What is handed out as recovered
 * must be durable, so it is synced first.
 */
async function settle(file: WritableFile, directory: string, { files, directorySync }: DirectoryRules): Promise<void> {
  try {
    await file.sync();
    if (!directorySync) return;
    await files.syncDirectory(directory);
    await files.syncDirectory(dirname(directory));
  } catch (error) {
    await file.close();
    throw error;
  }
}

function bytesIn(frames: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const frame of frames) bytes += frame.length;
  return bytes;
}
