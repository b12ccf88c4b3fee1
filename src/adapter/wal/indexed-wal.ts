/**
 * One log in segment files, as sei-chain's `indexedWAL[T]` over tidwall/wal keeps it: appended at the end, truncated at the front,
 * every step durable when its promise resolves. It knows indexes, not numbers: the first entry ever has index 1, and indexes count on
 * for ever, also when the log is emptied and opened again.
 */
import { join } from 'node:path';
import { diskFiles, type WritableFile } from '../../base/files.js';
import { readRegular } from '../../base/open-file.js';
import { string } from '../../base/options.js';
import { LanestoreError } from '../../errors.js';
import { DescriptorPool } from './descriptor-pool.js';
import { checkLogCodec, copyOf, type LogCodec } from './entries.js';
import { encodeFrame, readFrame } from './frame.js';
import { corruptionError, isOutOfSpace, messageOf, reading, writeFailed } from './io.js';
import { segmentName } from './names.js';
import { checkIndexedWalOptions, type IndexedWalOptions } from './options.js';
import { type DirectoryRules, repair, SEGMENT_MODE } from './repair.js';
import { framesOf, type LogScan, type Segment, scanLog } from './scan.js';
import { finishStart, makeStart, writeTemp } from './start-file.js';
import { openTail, TailFile } from './tail-file.js';

/** When the tail has this many bytes, the next entry goes to a new segment: 20 MiB, as tidwall/wal. */
export const SEGMENT_BYTES = 20 * 1024 * 1024;

interface Parts {
  readonly directory: string;
  readonly rules: DirectoryRules;
  readonly pool: DescriptorPool;
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
  readonly #file: TailFile;
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
    this.#sealed = scan.segments.slice(0, -1);
    const { name, index } = scan.segments.at(-1) ?? { name: segmentName(1n), index: 1n };
    this.#tail = { name, index };
    this.#frames = [...scan.tail];
    this.#tailBytes = bytesIn(this.#frames);
    const isIdle = () => !this.#busy && this.#failed === undefined;
    this.#file = new TailFile(join(parts.directory, name), file, parts.pool, parts.rules, isIdle);
  }

  /**
   * Opens the log in `directory`, or makes it; the directory's parent exists. A torn tail is cut off, and kept; an interrupted
   * truncation is finished.
   * @throws LANESTORE_CORRUPT with findings, the log untouched; LANESTORE_IO.
   */
  static async open<T>(directory: string, codec: LogCodec<T>, options: IndexedWalOptions): Promise<IndexedWal<T>> {
    string(directory, 'IndexedWal.open: directory');
    checkLogCodec(codec, 'IndexedWal.open: codec');
    checkIndexedWalOptions(options, 'IndexedWal.open: options');
    const scan = await scanLog(directory, codec, { directory: '' });
    if (scan.findings.length > 0) throw corruptionError(directory, scan);
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
    const { pool = new DescriptorPool() } = options;
    const rules = { files, directorySync, reserve: options.reserve };
    return reading(`open the log ${directory}`, async () => {
      await files.makeDirectory(directory);
      const notes = await repair(scan, rules, { directory: options.tornDirectory, label });
      const name = scan.segments.at(-1)?.name ?? segmentName(1n);
      const file = await openTail(join(directory, name), pool, rules);
      return { wal: new IndexedWal(codec, { directory, rules, pool, segmentBytes }, file, scan), notes };
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
   * the entry that will be the oldest, to look at; what it throws is thrown, and nothing was removed. What is left of a segment is written
   * anew: where the disk has no room for that, older segments are removed first, and if there still is none, with `mayLag` the entries before
   * `index` in its segment stay until a later truncation.
   * @throws LANESTORE_INVALID if `index` is not in [firstIndex, nextIndex]; LANESTORE_CORRUPT if that entry does not
   * read (then nothing was removed); LANESTORE_FAILED.
   */
  async truncateBefore(index: bigint, verify?: (entry: T) => void, mayLag = false): Promise<void> {
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
      // An emptied log may go on at a later number: then nothing may stay before it.
      const lags = mayLag && kept.length > 0;
      if (index > this.firstIndex) await this.#writing('truncate', () => this.#restart(index, kept, lags));
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
      if (scan.findings.length > 0) throw corruptionError(this.#parts.directory, scan);
      if (scan.torn !== undefined || scan.entries.length !== this.count) {
        const detail = `${scan.entries.length} entries can be read, ${this.count} were written`;
        throw corruptionError(this.#parts.directory, { findings: [{ kind: 'entries-missing', detail }] });
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
    let file = await this.#file.use();
    if (file.status().links > 1) file = await this.#leaveShared();
    if (this.#tailBytes > segmentBytes) file = await this.#cycle();
    await this.#writeFrame(file, frame);
    await file.sync();
    this.#frames.push(frame);
    this.#tailBytes += frame.length;
    if (this.#tailBytes >= segmentBytes) await this.#cycle();
  }

  /** What a full disk took of a frame is given back: the next open would find a torn tail, and no room to keep its bytes. */
  async #writeFrame(file: WritableFile, frame: Uint8Array): Promise<void> {
    try {
      await file.write([frame], this.#tailBytes);
    } catch (error) {
      if (isOutOfSpace(error)) await file.truncate(this.#tailBytes).catch(() => undefined);
      throw error;
    }
  }

  /** A tail with another name is that of a backup too, and is never written again. */
  async #leaveShared(): Promise<WritableFile> {
    // Alone and empty, its name is all that keeps the index: it is never away.
    if (this.count > 0 || this.#sealed.length > 0) return this.#cycle();
    await this.#restart(this.#tail.index, [], false);
    return this.#file.use();
  }

  /** A tail that is left is complete and durable; the next entry goes to a new segment. */
  async #cycle(): Promise<WritableFile> {
    const { directory, rules } = this.#parts;
    const tail = { ...this.#tail, count: this.#frames.length };
    const index = this.nextIndex;
    const path = join(directory, segmentName(index));
    await this.#file.closeFile();
    const file = await rules.files.open(path, SEGMENT_MODE, { empty: true });
    await this.#file.replace(path, file);
    if (rules.directorySync) await rules.files.syncDirectory(directory);
    // An empty tail was replaced under its own name.
    if (tail.count > 0) this.#sealed.push(tail);
    this.#tail = { name: segmentName(index), index };
    this.#frames = [];
    this.#tailBytes = 0;
    return file;
  }

  /** Replaces everything up to the segment with `index` by `frames`, which are what is left of it. */
  async #restart(index: bigint, frames: Uint8Array[], mayLag: boolean): Promise<void> {
    const { directory, rules } = this.#parts;
    // The new file may become the tail, which is open then.
    await this.#file.makeRoom();
    let file: WritableFile | undefined;
    try {
      file = await writeTemp(directory, index, frames, rules);
    } catch (error) {
      if (!isOutOfSpace(error)) throw error;
      file = await this.#writeOnFullDisk(index, frames, mayLag);
    }
    if (file === undefined) return;
    try {
      await makeStart(directory, index, 'temp', rules);
    } catch (error) {
      await file.close();
      throw error;
    }
    const gone = this.#sealed.filter((segment) => segment.index <= index);
    const inTail = index >= this.#tail.index;
    // The new file is the tail when the old tail goes; otherwise it is a sealed segment, and closed.
    const name = segmentName(index);
    const closed = inTail ? this.#file.replace(join(directory, name), file) : file.close();
    const removals = [...gone, ...(inTail ? [this.#tail] : [])].map((segment) => segment.name);
    await Promise.all([finishStart(directory, index, removals, rules), closed]);
    this.#sealed = this.#sealed.slice(gone.length);
    if (inTail) {
      this.#tail = { name, index };
      this.#frames = frames;
      this.#tailBytes = bytesIn(frames);
    } else {
      this.#sealed.unshift({ name, index, count: frames.length });
    }
  }

  /** Once there may be room. Undefined if there is none, and with `mayLag` need not be. */
  async #writeOnFullDisk(index: bigint, frames: Uint8Array[], mayLag: boolean): Promise<WritableFile | undefined> {
    const { directory, rules } = this.#parts;
    await this.#removeSegmentsBefore(index);
    const write = () => writeTemp(directory, index, frames, rules);
    try {
      return await (rules.reserve?.spend(write) ?? write());
    } catch (error) {
      if (mayLag && isOutOfSpace(error)) return undefined;
      throw error;
    }
  }

  /** Removes the segments that end before `index`, without writing anything. */
  async #removeSegmentsBefore(index: bigint): Promise<void> {
    const { directory, rules } = this.#parts;
    const oldest = [...this.#sealed, this.#tail].findLast((segment) => segment.index <= index)!;
    const gone = this.#sealed.filter((segment) => segment.index < oldest.index);
    if (gone.length === 0) return;
    await makeStart(directory, oldest.index, 'segment', rules);
    const removals = gone.map(({ name }) => name);
    await finishStart(directory, oldest.index, removals, rules);
    this.#sealed = this.#sealed.slice(gone.length);
  }

  /** The entries of the segment with `index`, from that one on. */
  async #framesFrom(index: bigint): Promise<Uint8Array[]> {
    if (index >= this.#tail.index) return this.#frames.slice(Number(index - this.#tail.index));
    const segment = this.#sealed.findLast((candidate) => candidate.index <= index)!;
    const { directory, pool } = this.#parts;
    const readFile = (path: string) => pool.sparing(() => readRegular(path));
    const frames = await framesOf(directory, segment, this.#codec, readFile);
    return frames.slice(Number(index - segment.index));
  }

  #decode(frame: Uint8Array, index: bigint): T {
    try {
      const place = readFrame(frame, 0);
      if (typeof place === 'string') throw new Error(`its length is ${place}`);
      return this.#codec.decode(copyOf(frame, place));
    } catch (error) {
      const detail = `entry ${index} (by index), which would become the oldest, does not read: ${messageOf(error)}`;
      throw corruptionError(this.#parts.directory, { findings: [{ kind: 'entry-undecodable', detail }] });
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

function bytesIn(frames: readonly Uint8Array[]): number {
  let bytes = 0;
  for (const frame of frames) bytes += frame.length;
  return bytes;
}
