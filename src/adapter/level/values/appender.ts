/**
 * The appender: writes values into prepared space, synced, before LevelDB is given a batch that names them.
 *
 * - Whole records, one after the other, each in one file; what one call writes begins at a 4 KiB border and is filled up to one with
 *   zeros. So no sector is written twice between two uses of a file, and what is durable in it cannot be torn by what comes later.
 * - In portions: a record is asked for when its turn comes, which is when the crc of a large one is taken, and by then those before it are on
 *   their way to the disk. A portion is one synced write: `write` and `fdatasync` in one.
 * - Files of an earlier run are never appended to, and a file that has got another link meanwhile (a snapshot's) neither.
 *
 * Crash: what was written and no durable reference names is garbage. LevelDB is given a reference only after all writes of the call have
 * returned, so a durable reference names durable bytes. A write that fails may have lost earlier pages of the file from memory: the store must
 * not go on, and a retry would prove nothing.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { closeAll } from '../../../base/close-stack.js';
import type { WritableFile } from '../../../base/files.js';
import type { ValueRef } from '../format/value-ref.js';
import { valueFileName } from './names.js';
import { SECTOR_BYTES, sectorsOf, type ValueSettings } from './options.js';
import type { PreparedFile, ValueFilePool } from './value-file-pool.js';
import type { ValueFile, ValueIndex } from './value-index.js';

/** What an appender works with. */
export interface AppenderParts {
  readonly dir: string;
  readonly settings: ValueSettings;
  readonly references: ValueIndex;
  readonly pool: ValueFilePool;
}

/** The file that is appended to. */
interface Current {
  readonly file: ValueFile;
  readonly handle: WritableFile;
  /** Where the next call begins: a 4 KiB border. */
  end: number;
}

/** A record to append. */
export interface Appendable {
  readonly bytes: number;
  /** The record, which ends with its crc; asked for once. */
  readonly record: () => Uint8Array;
}

/** Records that have their places. */
export interface Appended {
  /** In the order of the records; the file of each is pinned. */
  readonly references: readonly ValueRef[];
  /** Resolves when all of them are durable; rejects when nothing more is on its way. */
  readonly durable: Promise<void>;
}

/** What is written together: neighbours in one file. */
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
  /** Full files, to be closed after what is written into them now. */
  #left: Current[] = [];
  /** The last call, from its beginning until nothing of it is on its way any more; never rejects. */
  #busy: Promise<unknown> = Promise.resolve();
  /** What that call has begun to write. */
  #writes: Promise<void>[] = [];

  /** A call is divided into at most `portionsMax` portions; each further file that it begins is one more. */
  constructor(parts: AppenderParts, portionsMax: number) {
    this.#parts = parts;
    this.#portionsMax = portionsMax;
  }

  /** Bytes that the file at hand still takes. */
  get bytesLeft(): number {
    return this.#current === undefined ? 0 : this.#current.file.bytes - this.#current.end;
  }

  /**
   * Gives records their places and begins to write them. `undefined` if there is no space, then nothing was written. With `wait` it waits for space
   * that can be prepared. The next call must not come before `durable` has settled.
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
    // From here to the placing nothing may be awaited: another appender takes from the same space.
    if (!pool.has(sizes)) return undefined;
    const references = this.#write(records);
    pool.kick();
    return { references, durable: this.#written() };
  }

  /** True if nothing that was written into the file at hand is needed: closed, it can be reused as a whole. */
  get isIdle(): boolean {
    const current = this.#current;
    return current !== undefined && current.end > 0 && current.file.live.size === 0 && current.file.pins === 0;
  }

  /**
   * Closes the file at hand once nothing is written any more, also after a failure: a descriptor that is closed under a write may be that of
   * another file when the write comes to it.
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

  /** Nothing more is appended to the file at hand. */
  async #leave(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    if (current === undefined) return;
    await closeAll([() => current.handle.close(), () => this.#parts.references.seal(current.file)]);
  }

  /** The sizes of the files that `records` need beside the one at hand. */
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

  /** Places the records, and sends each portion on its way as soon as it is full. */
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
      // What follows must be worth a sync of its own.
      const isFull = portion.bytes >= portionBytes && left >= portionBytesMin;
      if (isFull && this.#writes.length < this.#portionsMax - 1) portion = this.#sendSectors(portion);
    }
    this.#finish(portion);
    return references;
  }

  /** Sends the whole sectors of a portion, and gives the rest: a sector is written once. */
  #sendSectors(portion: Portion): Portion {
    const { offset, chunks, bytes } = portion;
    const over = bytes % SECTOR_BYTES;
    const last = chunks.at(-1) as Uint8Array;
    const whole = last.length - over;
    // The last record alone does not fill a sector: the portion ends with the next one.
    if (whole <= 0) return portion;
    this.#send([...chunks.slice(0, -1), last.subarray(0, whole)], offset);
    return { offset: offset + bytes - over, chunks: over === 0 ? [] : [last.subarray(whole)], bytes: over };
  }

  /** Sends the end of what goes into the file at hand, filled up to a border. */
  #finish(portion: Portion | undefined): void {
    if (portion === undefined || portion.bytes === 0) return;
    const padding = sectorsOf(portion.bytes) - portion.bytes;
    if (padding > 0) portion.chunks.push(ZEROS.subarray(0, padding));
    (this.#current as Current).end += padding;
    this.#send(portion.chunks, portion.offset);
  }

  #send(chunks: readonly Uint8Array[], offset: number): void {
    const write = (this.#current as Current).handle.writeSynced(chunks, offset);
    // Ignored here: #written reports it, together with the others.
    write.catch(() => undefined);
    this.#writes.push(write);
  }

  /** Rejects after the last write has ended. */
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

  /** Another name of the file is another owner of its bytes. */
  async #leaveLinkedFile(): Promise<void> {
    const current = this.#current;
    if (current === undefined) return;
    const { links } = current.handle.status();
    const path = join(this.#parts.dir, valueFileName(current.file.number));
    if (links === 0 && !existsSync(path)) throw new Error(`${path} was removed while values were written to it`);
    if (links > 1) await this.#leave();
  }
}

/** The crc that ends a record. */
function crcAtEnd(record: Uint8Array): number {
  return new DataView(record.buffer, record.byteOffset + record.length - 4, 4).getUint32(0);
}
