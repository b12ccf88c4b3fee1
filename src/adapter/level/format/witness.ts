/**
 * The witness: a file outside of LevelDB that says which batch was last acknowledged, so that an
 * older LevelDB is recognised.
 *
 *   file `witness`, 8192 bytes: slot 0 at offset 0, slot 1 at offset 4096, the rest zero.
 *   A slot, big-endian:
 *
 *      offset  0                   8                          24           32         36
 *              magic "LSWITNS1"    store id (16 bytes)        seq (u64)    crc32      end
 *
 * crc is CRC-32 (IEEE) over the 32 bytes before it. Slots alternate (seq mod 2) and are in separate
 * pages, so a torn write damages at most one of them. A slot is written in place and NOT synced,
 * after its batch is durable and before any call of the batch settles. So after a crash of the
 * process the witness names exactly the last acknowledged batch. After a power cut it may be older
 * by the writes that the kernel had not flushed (seconds). LevelDB's own fdatasync protects
 * the batches of these seconds; the witness cannot show their loss.
 *
 * A witness with a second link also belongs to a backup (`cp -al`), so it is not written; a copy
 * replaces it first. Like every new witness, the copy is written completely to `witness.new`,
 * synced, and renamed. So the name `witness` always leads to a whole file.
 */
import { lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Files, WritableFile } from '../../../base/files.js';
import { readRegularSync } from '../../../base/open-file.js';
import { STORE_ID_BYTES } from './tip.js';

/** The file's name in the location. */
export const WITNESS_FILE = 'witness';
/** The size of the file; it is complete from creation on and never grows. */
export const WITNESS_BYTES = 8192;

/** Suffix of the name until the file is complete. */
const NEW_SUFFIX = '.new';
/** The name of a witness that is being written, or that a crash left. */
export const NEW_WITNESS_FILE = WITNESS_FILE + NEW_SUFFIX;

const MODE = 0o600;

const MAGIC = Buffer.from('LSWITNS1', 'latin1');
const SLOT_SPACING = 4096;
const SEQ_OFFSET = MAGIC.length + STORE_ID_BYTES;
const CRC_OFFSET = SEQ_OFFSET + 8;
const SLOT_BYTES = CRC_OFFSET + 4;

/** A whole slot. A torn slot is left out: it proves nothing. */
export interface WitnessSlot {
  readonly store: Uint8Array;
  readonly seq: bigint;
}

/** The whole slots in the bytes of a witness file, the one with the higher seq first. */
export function parseWitness(bytes: Uint8Array): WitnessSlot[] {
  const slots: WitnessSlot[] = [];
  for (const offset of [0, SLOT_SPACING]) {
    // If the file is short, this is a shorter or empty view.
    const slot = parseSlot(bytes.subarray(offset, offset + SLOT_BYTES));
    if (slot !== undefined) slots.push(slot);
  }
  return slots.sort((a, b) => (a.seq < b.seq ? 1 : -1));
}

/** The bytes of a slot. */
export function encodeSlot(slot: WitnessSlot): Buffer {
  const bytes = Buffer.alloc(SLOT_BYTES);
  MAGIC.copy(bytes, 0);
  bytes.set(slot.store, MAGIC.length);
  bytes.writeBigUInt64BE(slot.seq, SEQ_OFFSET);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, CRC_OFFSET)), CRC_OFFSET);
  return bytes;
}

function parseSlot(view: Uint8Array): WitnessSlot | undefined {
  const bytes = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  if (bytes.length < SLOT_BYTES || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  if (bytes.readUInt32BE(CRC_OFFSET) !== crc32(bytes.subarray(0, CRC_OFFSET))) return undefined;
  return { store: new Uint8Array(bytes.subarray(MAGIC.length, SEQ_OFFSET)), seq: bytes.readBigUInt64BE(SEQ_OFFSET) };
}

/**
 * The open witness file of a running store. {@link write} is synchronous: it writes 36 bytes into
 * the page cache.
 */
export class Witness {
  readonly #files: Files;
  readonly #path: string;
  #file: WritableFile;
  /** The content of the file. */
  readonly #bytes: Buffer;
  readonly #slot: Buffer;
  readonly #view: DataView;
  /** The bytes that the crc covers. */
  readonly #head: Buffer;
  /** The seq in the slot, and where the slot is written. */
  #filledSeq = 0n;
  #offset = 0;
  /** True if the slot was written, and {@link #bytes} does not have it yet. */
  #isWritten = false;
  /** The replacement of the file in progress. */
  #leaving: Promise<void> | undefined;
  #open = true;

  private constructor(files: Files, path: string, file: WritableFile, bytes: Buffer, store: Uint8Array) {
    this.#files = files;
    this.#path = path;
    this.#file = file;
    this.#bytes = bytes;
    this.#slot = encodeSlot({ store, seq: 0n });
    this.#view = new DataView(this.#slot.buffer, this.#slot.byteOffset, SLOT_BYTES);
    this.#head = this.#slot.subarray(0, CRC_OFFSET);
  }

  /**
   * Writes a whole witness file for `seq` and syncs it; the caller syncs the directory. An existing
   * file is replaced and not written to.
   */
  static async create(files: Files, path: string, store: Uint8Array, seq: bigint): Promise<void> {
    const bytes = Buffer.alloc(WITNESS_BYTES);
    encodeSlot({ store, seq }).copy(bytes, slotOffset(seq));
    const file = await writeNew(files, path, bytes);
    await file.close();
    await files.rename(path + NEW_SUFFIX, path);
  }

  /**
   * The bytes of the witness file, or undefined if it does not exist.
   * @throws the system's error, also if it is not a regular file.
   */
  static read(path: string): Uint8Array | undefined {
    try {
      return readRegularSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /**
   * Opens the file that {@link create} made, for writing in place; replaces it by a copy if it has
   * a second link.
   */
  static async open(files: Files, path: string, store: Uint8Array): Promise<Witness> {
    const file = await files.open(path, MODE, { empty: false, existing: true });
    try {
      const witness = new Witness(files, path, file, readRegularSync(path), store);
      // A second link: that of a backup.
      if (file.links() > 1) await witness.#leave();
      return witness;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Fills in the slot of `seq` ahead of {@link write}. No effect if it is filled in already. */
  fill(seq: bigint): void {
    if (this.#filledSeq === seq) return;
    this.#keepWritten();
    this.#offset = slotOffset(seq);
    this.#view.setBigUint64(SEQ_OFFSET, seq);
    this.#view.setUint32(CRC_OFFSET, crc32(this.#head));
    this.#filledSeq = seq;
  }

  /**
   * Must be called while a batch is being written. Replaces the file by a copy if it has got a
   * second link: then it returns a promise, to be awaited before {@link write}. It rejects if no
   * copy can replace the file, or if the links cannot be counted; it does not throw, because the
   * caller must wait for its batch in any case.
   */
  leaveIfShared(): Promise<void> | undefined {
    // A system call of about a microsecond, while the disk is busy.
    try {
      this.#leaving = this.#file.links() > 1 ? this.#leave() : undefined;
    } catch (error) {
      this.#leaving = Promise.reject(error);
    }
    return this.#leaving;
  }

  /**
   * Empties the disk's cache of all that was synced before, of whatever file. Needed on macOS only:
   * there `fsync` leaves data in that cache, and `fdatasync` of Node.js is F_FULLFSYNC.
   */
  flushDisk(): Promise<void> {
    return this.#file.sync();
  }

  /**
   * Records that `seq` is durable. On return the kernel has the slot: it survives a crash of the
   * process, and seconds later a power cut.
   */
  write(seq: bigint): void {
    this.fill(seq);
    if (!this.#open) throw new Error('the witness is closed');
    this.#file.writeNow(this.#slot, this.#offset);
    this.#isWritten = true;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    // A replacement may be in progress if its batch failed; it closes the old file itself.
    await this.#leaving?.catch(() => undefined);
    await this.#file.close();
  }

  /** Usually called before the next `write`, because callers wait for that. */
  #keepWritten(): void {
    if (this.#isWritten) this.#slot.copy(this.#bytes, this.#offset);
    this.#isWritten = false;
  }

  /** Replaces the file by a copy, and continues with the copy. */
  async #leave(): Promise<void> {
    this.#keepWritten();
    const file = await writeNew(this.#files, this.#path, this.#bytes);
    try {
      if (!isSameFile(this.#path, this.#file)) {
        throw new Error(`${this.#path} is not the file that this store opened`);
      }
      await this.#files.rename(this.#path + NEW_SUFFIX, this.#path);
      await this.#files.syncDirectory(dirname(this.#path));
    } catch (error) {
      await file.close();
      throw error;
    }
    const before = this.#file;
    this.#file = file;
    await before.close();
  }
}

function isSameFile(path: string, file: WritableFile): boolean {
  const [named, opened] = [lstatSync(path, { bigint: true }), file.status()];
  return named.ino === opened.inode && named.dev === opened.device;
}

/**
 * Writes and syncs the file that will be renamed to `path`, under its temporary name. The returned
 * file is open.
 */
async function writeNew(files: Files, path: string, bytes: Uint8Array): Promise<WritableFile> {
  const file = await files.open(path + NEW_SUFFIX, MODE, { empty: true });
  try {
    await file.write([bytes], 0);
    await file.sync();
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

function slotOffset(seq: bigint): number {
  return seq % 2n === 0n ? 0 : SLOT_SPACING;
}
