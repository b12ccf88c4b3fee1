/**
 * One log in segment files, as sei-chain's `indexedWAL[T]` over tidwall/wal keeps it: appended at
 * the end, truncated at the front; every step is durable when its promise resolves. The log counts
 * entries by index, and does not know their numbers: the first entry ever has index 1, and an index
 * is never used again, even if the log is emptied and opened again.
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

/** Size at which a segment is complete and the next one begins: 20 MiB, as in tidwall/wal. */
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
 * Invariant: firstIndex <= nextIndex; equal means empty. Durability: append and truncate resolve
 * once their result is durable; after a crash, a step that did not resolve is on disk as a whole or
 * not at all. Concurrency: one call at a time (TypeError otherwise). After LANESTORE_FAILED only
 * `close` works; open the log again.
 */
export class IndexedWal<T> {
  readonly #codec: LogCodec<T>;
  readonly #parts: Parts;
  readonly #file: TailFile;
  /** Ascending, without the tail. Only the tail's count grows, in {@link #frames}. */
  #sealed: Segment[];
  #tail: { name: string; index: bigint };
  /** The tail's encoded entries, as in its file. Kept in memory: truncations write them again. */
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
   * Opens the log in `directory`, or creates it; the parent directory must exist. Cuts off a torn
   * tail and keeps its bytes, and finishes an interrupted truncation.
   * @throws LANESTORE_CORRUPT with findings, the log unchanged; LANESTORE_IO.
   */
  static async open<T>(directory: string, codec: LogCodec<T>, options: IndexedWalOptions): Promise<IndexedWal<T>> {
    string(directory, 'IndexedWal.open: directory');
    checkLogCodec(codec, 'IndexedWal.open: codec');
    checkIndexedWalOptions(options, 'IndexedWal.open: options');
    const scan = await scanLog(directory, codec, { directory: '' });
    if (scan.findings.length > 0) throw corruptionError(directory, scan);
    return (await IndexedWal.openScanned(scan, codec, options)).wal;
  }

  /** @internal Opens a log that was scanned without findings; `notes` lists the repairs. */
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

  /** The index of the oldest entry, or of the next one if the log is empty. 1 in a new log. */
  get firstIndex(): bigint {
    return this.#sealed[0]?.index ?? this.#tail.index;
  }

  /** The index that the next entry will have. */
  get nextIndex(): bigint {
    return this.#tail.index + BigInt(this.#frames.length);
  }

  /** Number of entries in the log. */
  get count(): number {
    return Number(this.nextIndex - this.firstIndex);
  }

  /**
   * Appends an entry; durable when the promise resolves.
   * @throws LANESTORE_INVALID (an empty entry, or one of 2 GiB and more), LANESTORE_FAILED.
   */
  async append(entry: T): Promise<void> {
    await this.appendFrame(encodeFrame(this.#codec.encode(entry)));
  }

  /** @internal Appends a frame from {@link encodeFrame}, which must not change afterwards. */
  appendFrame(frame: Uint8Array): Promise<void> {
    return this.#exclusive(() => this.#writing('append to', () => this.#append(frame)));
  }

  /**
   * Removes the entries before `index`, whose entry becomes the oldest; `index` == nextIndex
   * empties the log. `verify` is called with the future oldest entry; if it throws, nothing was
   * removed.
   *
   * The rest of a segment is written to a new file. If the disk is full, older segments are removed
   * first; if there is still no space and `mayLag` is true, the entries before `index` in its
   * segment stay until a later truncation.
   * @throws LANESTORE_INVALID if `index` is not in [firstIndex, nextIndex]; LANESTORE_CORRUPT if
   * the future oldest entry cannot be decoded (nothing was removed); LANESTORE_FAILED.
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
      // An emptied log may continue at a later number, so no older entry may stay in it.
      const lags = mayLag && kept.length > 0;
      if (index > this.firstIndex) await this.#writing('truncate', () => this.#restart(index, kept, lags));
    });
  }

  /** Empties the log; the next index stays the same. */
  async truncateAll(): Promise<void> {
    await this.truncateBefore(this.nextIndex);
  }

  /**
   * Reads all entries from disk, in order.
   * @throws LANESTORE_CORRUPT if they differ in number from the entries written; LANESTORE_IO.
   */
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

  /** Closes the log. Idempotent; works after LANESTORE_FAILED, too. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await reading(`close the log ${this.#parts.directory}`, () => this.#file.close());
  }

  async #append(frame: Uint8Array): Promise<void> {
    const { segmentBytes } = this.#parts;
    let file = await this.#file.use();
    if (file.links() > 1) file = await this.#leaveShared();
    if (this.#tailBytes > segmentBytes) file = await this.#cycle();
    await this.#writeFrame(file, frame);
    await file.sync();
    this.#frames.push(frame);
    this.#tailBytes += frame.length;
    if (this.#tailBytes >= segmentBytes) await this.#cycle();
  }

  /** Cuts off a partial frame on a full disk: the next open has no space to keep a torn tail. */
  async #writeFrame(file: WritableFile, frame: Uint8Array): Promise<void> {
    try {
      await file.write([frame], this.#tailBytes);
    } catch (error) {
      if (isOutOfSpace(error)) await file.truncate(this.#tailBytes).catch(() => undefined);
      throw error;
    }
  }

  /**
   * Replaces a tail that has a second hard link: it belongs to a backup too, and must not change.
   */
  async #leaveShared(): Promise<WritableFile> {
    // An empty log keeps its index only in the name of its file, so a rename replaces the file.
    if (this.count > 0 || this.#sealed.length > 0) return this.#cycle();
    await this.#restart(this.#tail.index, [], false);
    return this.#file.use();
  }

  /** Begins a new segment. The old tail is complete and durable then. */
  async #cycle(): Promise<WritableFile> {
    const { directory, rules } = this.#parts;
    const tail = { ...this.#tail, count: this.#frames.length };
    const index = this.nextIndex;
    const path = join(directory, segmentName(index));
    await this.#file.closeFile();
    const file = await rules.files.open(path, SEGMENT_MODE, { empty: true });
    await this.#file.replace(path, file);
    if (rules.directorySync) await rules.files.syncDirectory(directory);
    // The new file replaced an empty tail under the same name.
    if (tail.count > 0) this.#sealed.push(tail);
    this.#tail = { name: segmentName(index), index };
    this.#frames = [];
    this.#tailBytes = 0;
    return file;
  }

  /** Replaces every segment up to the one with `index` by `frames`, the rest of that segment. */
  async #restart(index: bigint, frames: Uint8Array[], mayLag: boolean): Promise<void> {
    const { directory, rules } = this.#parts;
    // The new file may become the tail, which stays open.
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
    // If the old tail is removed, the new file becomes the tail; otherwise it is a sealed segment.
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

  /**
   * Writes the rest of a segment after freeing space. Undefined if the disk is still full and
   * `mayLag` allows that.
   */
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

  /** Removes the segments that end before `index`. Needs no disk space. */
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

  /** The encoded entries from `index` on, in the segment that holds it. */
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
      const detail = `entry ${index} (by index), which would become the oldest, cannot be decoded: ${messageOf(error)}`;
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

  /** After a failed write the log has failed: the state on disk is unknown until the next open. */
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
