/**
 * The appender: writes values into prepared space and syncs them, before any batch names them.
 *
 * - Whole records, one behind the other, in one file each; what one call writes begins at a 4 KiB border and is filled up to one with
 *   zeros. So no sector is written twice between two uses of a file, and what is durable in it cannot be torn by what comes later.
 * - One write and one fdatasync a file and call, in most cases one file.
 * - Files of an earlier run are never appended to, and a file that has got another link meanwhile (a snapshot's) neither.
 *
 * Crash: what was written and is named by no durable reference is garbage. A reference goes into LevelDB only after the fdatasync of
 * its file has returned, so a durable reference names durable bytes. A write or a sync that fails may have lost earlier pages of the file
 * from memory: the store must not go on, and a retry would prove nothing.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { WritableFile } from '../../files.js';
import { valueFileName } from './names.js';
import { SECTOR_BYTES, sectorsOf, type ValueSettings } from './options.js';
import type { Reference } from './reference.js';
import type { References, ValueFile } from './references.js';
import type { PreparedFile, Space } from './space.js';

/** What an appender works with. */
export interface AppenderParts {
  readonly dir: string;
  readonly settings: ValueSettings;
  readonly references: References;
  readonly space: Space;
}

/** The file that is appended to. */
interface Current {
  readonly file: ValueFile;
  readonly handle: WritableFile;
  /** Where the next call begins: a 4 KiB border. */
  end: number;
}

/** What one call writes into one file. */
interface Extent {
  readonly target: Current;
  readonly offset: number;
  readonly chunks: Uint8Array[];
  bytes: number;
}

const ZEROS = new Uint8Array(SECTOR_BYTES);

/** Appends records; one call at a time. */
export class Appender {
  readonly #parts: AppenderParts;
  #current: Current | undefined;
  /** Full files, to be closed after what is written into them now. */
  #left: Current[] = [];
  /** The last call, settled or not; never rejects. */
  #busy: Promise<unknown> = Promise.resolve();

  constructor(parts: AppenderParts) {
    this.#parts = parts;
  }

  /** Bytes that the file at hand still takes. */
  get bytesLeft(): number {
    return this.#current === undefined ? 0 : this.#current.file.bytes - this.#current.end;
  }

  /**
   * Appends records, each of which ends with its crc, and pins the file of each. Durable when it resolves; `undefined` if there is no space, then
   * nothing was written. With `wait` it waits for space that can be prepared.
   */
  append(records: readonly Uint8Array[], wait: boolean): Promise<Reference[] | undefined> {
    const appended = this.#append(records, wait);
    this.#busy = appended.catch(() => undefined);
    return appended;
  }

  async #append(records: readonly Uint8Array[], wait: boolean): Promise<Reference[] | undefined> {
    await this.#leaveLinkedFile();
    const sizes = this.#newFiles(records);
    const { space } = this.#parts;
    if (sizes.length > 0) space.discardLinked();
    if (wait && !space.has(sizes)) await space.provide(sizes);
    // From here to the placing nothing may be awaited: another appender takes from the same space.
    if (!space.has(sizes)) return undefined;
    const { references, extents } = this.#place(records);
    space.kick();
    await writeAll(extents);
    await this.#closeLeft();
    return references;
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
    await this.#closeLeft();
    await this.#leave();
  }

  async #closeLeft(): Promise<void> {
    for (const { handle } of this.#left.splice(0)) await handle.close();
  }

  /** Nothing more is appended to the file at hand. */
  async #leave(): Promise<void> {
    const current = this.#current;
    this.#current = undefined;
    if (current === undefined) return;
    await current.handle.close();
    this.#parts.references.seal(current.file);
  }

  /** The sizes of the files that `records` need beside the one at hand. */
  #newFiles(records: readonly Uint8Array[]): number[] {
    const { fileBytes } = this.#parts.settings;
    const sizes: number[] = [];
    let left = this.bytesLeft;
    for (const { length } of records) {
      if (length > left) {
        sizes.push(Math.max(fileBytes, sectorsOf(length)));
        left = sizes.at(-1) as number;
      }
      left -= length;
    }
    return sizes;
  }

  #place(records: readonly Uint8Array[]): { references: Reference[]; extents: Extent[] } {
    const references: Reference[] = [];
    const extents: Extent[] = [];
    for (const record of records) {
      const { length } = record;
      const target = length <= this.bytesLeft ? (this.#current as Current) : this.#next(length);
      let extent = extents.at(-1);
      if (extent?.target !== target) {
        extent = { target, offset: target.end, chunks: [], bytes: 0 };
        extents.push(extent);
      }
      references.push({ file: target.file.number, offset: target.end, length, crc: crcAtEnd(record) });
      extent.chunks.push(record);
      extent.bytes += length;
      target.end += length;
      target.file.pins++;
    }
    for (const extent of extents) {
      const padding = sectorsOf(extent.bytes) - extent.bytes;
      if (padding > 0) extent.chunks.push(ZEROS.subarray(0, padding));
      extent.target.end += padding;
    }
    return { references, extents };
  }

  #next(length: number): Current {
    const { settings, references, space } = this.#parts;
    const prepared = space.take(Math.max(settings.fileBytes, sectorsOf(length))) as PreparedFile;
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
    if (statSync(join(this.#parts.dir, valueFileName(current.file.number))).nlink > 1) await this.#leave();
  }
}

/** Writes and syncs all extents at the same time; rejects after the last one has ended. */
async function writeAll(extents: readonly Extent[]): Promise<void> {
  const done = await Promise.allSettled(
    extents.map(async ({ target, offset, chunks }) => {
      await target.handle.write(chunks, offset);
      await target.handle.sync();
    }),
  );
  for (const result of done) if (result.status === 'rejected') throw result.reason;
}

/** The crc that ends a record. */
function crcAtEnd(record: Uint8Array): number {
  return new DataView(record.buffer, record.byteOffset + record.length - 4, 4).getUint32(0);
}
