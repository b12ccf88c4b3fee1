/**
 * The appender: writes values into prepared space and syncs them before LevelDB gets a batch that
 * refers to them.
 *
 * - Records are written whole, one after another, each in one file. Each call begins at a 4 KiB
 *   border and pads its end with zeros to the next one. So between two uses of a file no sector is
 *   written twice, and a later write cannot tear a durable value.
 * - Records are written in portions. A record is produced when its turn comes: the crc of a large
 *   record is computed while the records before it are being written. A portion is one synced
 *   write: `write` and `fdatasync`.
 * - The appender never appends to a file of an earlier run, nor to a file that has a second link
 *   (of a snapshot).
 *
 * Crash: a value that no durable reference names is garbage. LevelDB gets a reference only after
 * all writes of the call have returned, so a durable reference names durable bytes. After a failed
 * write the kernel may have dropped earlier pages of the file from memory. The store must then
 * stop: a retry would prove nothing.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { closeAll } from '../../../base/close-stack.js';
import type { WritableFile } from '../../../base/files.js';
import { isMetered, meter } from '../../../metrics/channel.js';
import type { ValueRef } from '../format/value-ref.js';
import { valueFileName } from './names.js';
import { SECTOR_BYTES, sectorsOf, type ValueSettings } from './options.js';
import type { PreparedFile, ValueFilePool } from './value-file-pool.js';
import type { ValueFile, ValueIndex } from './value-index.js';

/** Dependencies of an appender. */
export interface AppenderParts {
  readonly dir: string;
  readonly settings: ValueSettings;
  /** The label of the store in metrics. */
  readonly store: string;
  readonly references: ValueIndex;
  readonly pool: ValueFilePool;
}

/** The file that is appended to. */
interface Current {
  readonly file: ValueFile;
  readonly handle: WritableFile;
  /** Offset at which the next call begins: a multiple of 4 KiB. */
  end: number;
}

/** A record to append. */
export interface Appendable {
  readonly bytes: number;
  /** Returns the record, which ends with its crc; called once. */
  readonly record: () => Uint8Array;
}

/** Records that have been assigned their places. */
export interface Appended {
  /** In the order of the records. The file of each one is pinned. */
  readonly references: readonly ValueRef[];
  /**
   * Resolves when all records are durable. Rejects if a write failed, once no write of the call is
   * in flight.
   */
  readonly durable: Promise<void>;
}

/** Adjacent records of one file that are written together. */
interface Portion {
  readonly offset: number;
  readonly chunks: Uint8Array[];
  bytes: number;
}

const ZEROS = new Uint8Array(SECTOR_BYTES);

/** Appends records; one call at a time. */
export class Appender {
  readonly #parts: AppenderParts;
  readonly #portionsMax: number;
  #current: Current | undefined;
  /** Full files, closed after the writes of the current call. */
  #left: Current[] = [];
  /** The last call, until none of its writes is in flight; never rejects. */
  #busy: Promise<unknown> = Promise.resolve();
  /** The writes that the current call has begun. */
  #writes: Promise<void>[] = [];

  /**
   * A call is divided into at most `portionsMax` portions, plus one for each further file that it
   * begins.
   */
  constructor(parts: AppenderParts, portionsMax: number) {
    this.#parts = parts;
    this.#portionsMax = portionsMax;
  }

  /** Bytes left in the current file. */
  get bytesLeft(): number {
    return this.#current === undefined ? 0 : this.#current.file.bytes - this.#current.end;
  }

  /**
   * Assigns places to records and begins to write them. `undefined` if there is no prepared space;
   * then nothing was written. With `wait`, it first waits until space is prepared or the
   * preparation has failed. The next call must not come before `durable` has settled.
   */
  append(records: readonly Appendable[], wait: boolean): Promise<Appended | undefined> {
    const appended = this.#append(records, wait);
    this.#busy = appended.catch(() => undefined).then(() => Promise.allSettled(this.#writes));
    return appended;
  }

  async #append(records: readonly Appendable[], wait: boolean): Promise<Appended | undefined> {
    this.#writes = [];
    await this.#leaveLinkedFile();
    const sizes = this.#newFiles(records);
    const { pool } = this.#parts;
    if (sizes.length > 0) pool.discardLinked();
    if (wait && !pool.has(sizes)) await pool.provide(sizes);
    // No await from here to the placement: another appender takes from the same space.
    if (!pool.has(sizes)) return undefined;
    const references = this.#write(records);
    pool.kick();
    return { references, durable: this.#written() };
  }

  /**
   * True if the current file holds only garbage: once it is closed, the whole file can be reused.
   */
  get isIdle(): boolean {
    const current = this.#current;
    return current !== undefined && current.end > 0 && current.file.live.size === 0 && current.file.pins === 0;
  }

  /**
   * Closes the current file after the last write has ended, also after a failure. If a descriptor
   * were closed during a write, the write could reach another file that has reused the descriptor.
   */
  async close(): Promise<void> {
    await this.#busy;
    await closeAll([() => this.#closeLeft(), () => this.#leave()]);
  }

  async #closeLeft(): Promise<void> {
    const left = this.#left.splice(0);
    await closeAll(
      left.map(
        ({ handle }) =>
          () =>
            handle.close(),
      ),
    );
  }

  /** Ends appending to the current file. */
  async #leave(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    if (current === undefined) return;
    await closeAll([() => current.handle.close(), () => this.#parts.references.seal(current.file)]);
  }

  /** The sizes of the files that `records` need in addition to the current one. */
  #newFiles(records: readonly Appendable[]): number[] {
    const { fileBytes } = this.#parts.settings;
    const sizes: number[] = [];
    let left = this.bytesLeft;
    for (const { bytes } of records) {
      if (bytes > left) {
        sizes.push(Math.max(fileBytes, sectorsOf(bytes)));
        left = sizes.at(-1) as number;
      }
      left -= bytes;
    }
    return sizes;
  }

  /** Assigns places to the records, and starts the write of each portion as soon as it is full. */
  #write(records: readonly Appendable[]): ValueRef[] {
    const references: ValueRef[] = [];
    let total = 0;
    for (const { bytes } of records) total += bytes;
    const { portionBytesMin } = this.#parts.settings;
    const portionBytes = Math.max(portionBytesMin, Math.ceil(total / this.#portionsMax));
    let portion: Portion | undefined;
    let left = total;
    for (const { bytes, record } of records) {
      if (bytes > this.bytesLeft) {
        this.#finish(portion);
        portion = undefined;
        this.#next(bytes);
      }
      const current = this.#current as Current;
      portion ??= { offset: current.end, chunks: [], bytes: 0 };
      const value = record();
      references.push({ file: current.file.number, offset: current.end, length: bytes, crc: crcAtEnd(value) });
      portion.chunks.push(value);
      portion.bytes += bytes;
      current.end += bytes;
      current.file.pins++;
      left -= bytes;
      // A portion ends only if enough bytes remain to justify another sync.
      const isFull = portion.bytes >= portionBytes && left >= portionBytesMin;
      if (isFull && this.#writes.length < this.#portionsMax - 1) portion = this.#sendSectors(portion);
    }
    this.#finish(portion);
    return references;
  }

  /**
   * Starts the write of the whole sectors of a portion. Returns the rest, which begins the next
   * portion, so that no sector is written twice.
   */
  #sendSectors(portion: Portion): Portion {
    const { offset, chunks, bytes } = portion;
    const over = bytes % SECTOR_BYTES;
    const last = chunks.at(-1) as Uint8Array;
    const whole = last.length - over;
    // The last record does not reach a sector border: the portion continues with the next record.
    if (whole <= 0) return portion;
    this.#send([...chunks.slice(0, -1), last.subarray(0, whole)], offset);
    return { offset: offset + bytes - over, chunks: over === 0 ? [] : [last.subarray(whole)], bytes: over };
  }

  /** Starts the write of the last portion in the current file, padded to a sector border. */
  #finish(portion: Portion | undefined): void {
    if (portion === undefined || portion.bytes === 0) return;
    const padding = sectorsOf(portion.bytes) - portion.bytes;
    if (padding > 0) portion.chunks.push(ZEROS.subarray(0, padding));
    (this.#current as Current).end += padding;
    this.#send(portion.chunks, portion.offset);
  }

  #send(chunks: readonly Uint8Array[], offset: number): void {
    const startedAt = isMetered() ? performance.now() : undefined;
    const write = (this.#current as Current).handle.writeSynced(chunks, offset);
    const synced = () => {
      if (startedAt === undefined) return;
      meter(this.#parts.store, 'lanestore_value_sync_seconds', (performance.now() - startedAt) / 1000);
    };
    // A rejection is ignored here: #written reports the same one.
    void write.then(synced, () => undefined);
    this.#writes.push(write);
  }

  /** Settles after the last write has ended; rejects if one of them failed. */
  async #written(): Promise<void> {
    const results = await Promise.allSettled(this.#writes);
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    await this.#closeLeft();
  }

  #next(length: number): Current {
    const { settings, references, pool } = this.#parts;
    const prepared = pool.take(Math.max(settings.fileBytes, sectorsOf(length))) as PreparedFile;
    if (this.#current !== undefined) {
      this.#left.push(this.#current);
      references.seal(this.#current.file);
    }
    const file = references.add(prepared.number, prepared.bytes, false);
    this.#current = { file, handle: prepared.file, end: 0 };
    return this.#current;
  }

  /** Ends appending to a file that has a second link: its bytes also belong to a snapshot. */
  async #leaveLinkedFile(): Promise<void> {
    const current = this.#current;
    if (current === undefined) return;
    const links = current.handle.links();
    const path = join(this.#parts.dir, valueFileName(current.file.number));
    if (links === 0 && !existsSync(path)) throw new Error(`${path} was removed while values were written to it`);
    if (links > 1) await this.#leave();
  }
}

/** The crc that ends a record. */
function crcAtEnd(record: Uint8Array): number {
  return new DataView(record.buffer, record.byteOffset + record.length - 4, 4).getUint32(0);
}
