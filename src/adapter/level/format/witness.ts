/**
 * The witness: how far the store had acknowledged, outside of LevelDB, so that an older LevelDB is recognised as older.
 *
 *   file `witness`, 8192 bytes: slot 0 at offset 0, slot 1 at offset 4096, the rest zero. A slot, big-endian:
 *
 *      offset  0                   8                          24           32         36
 *              magic "LSWITNS1"    store id (16 bytes)        seq (u64)    crc32      end
 *
 * crc is CRC-32 (IEEE) over the 32 bytes before it. Slots alternate (seq mod 2) and lie in pages of their own, so a torn write
 * harms one of them at most. A slot is written in place, NOT synced, after its batch is durable and before anything of it
 * settles: after a crash of the process it tells exactly what was acknowledged. After a power cut it may be older by what the
 * kernel had not written back (seconds); such a loss LevelDB's own fdatasync prevents, the witness does not prove.
 *
 * A witness that has another name is the witness of a backup too (`cp -al`), and is not written: a copy takes its place first. It is written
 * whole to `witness.new`, synced, and renamed, like every new witness; so the name `witness` always leads to a whole file.
 */
import { lstatSync } from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Files, WritableFile } from '../../../base/files.js';
import { readRegularSync } from '../../../base/open-file.js';
import { STORE_ID_BYTES } from './tip.js';

/** The file's name in the location. */
export const WITNESS_FILE = 'witness';
/** The file's size: it is whole from creation on and never grows. */
export const WITNESS_BYTES = 8192;

/** What its name ends with until it is whole. */
const NEW_SUFFIX = '.new';
/** The name of one that is being made, or that a crash left. */
export const NEW_WITNESS_FILE = WITNESS_FILE + NEW_SUFFIX;

const MODE = 0o600;

const MAGIC = Buffer.from('LSWITNS1', 'latin1');
const SLOT_SPACING = 4096;
const SEQ_OFFSET = MAGIC.length + STORE_ID_BYTES;
const CRC_OFFSET = SEQ_OFFSET + 8;
const SLOT_BYTES = CRC_OFFSET + 4;

/** A whole slot. A torn one is absent: it proves nothing. */
export interface WitnessSlot {
  readonly store: Uint8Array;
  readonly seq: bigint;
}

/** The whole slots of a witness file's bytes, the one with the higher seq first. */
export function parseWitness(bytes: Uint8Array): WitnessSlot[] {
  const slots: WitnessSlot[] = [];
  for (const offset of [0, SLOT_SPACING]) {
    // Of a file that creation left short, this is a shorter view, or an empty one.
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

/** The open witness file of a running store. {@link write} is synchronous on purpose: 36 bytes into the page cache. */
export class Witness {
  readonly #files: Files;
  readonly #path: string;
  #file: WritableFile;
  /** What the file holds. */
  readonly #bytes: Buffer;
  readonly #slot: Buffer;
  readonly #view: DataView;
  /** What the crc is of. */
  readonly #head: Buffer;
  /** The seq that the slot is made for. */
  #prepared = 0n;
  /** A copy that is taking the file's place. */
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

  /** Puts a whole witness file for `seq` in its place, synced; the caller syncs the directory. What is there is not written to. */
  static async create(files: Files, path: string, store: Uint8Array, seq: bigint): Promise<void> {
    const bytes = Buffer.alloc(WITNESS_BYTES);
    encodeSlot({ store, seq }).copy(bytes, slotOffset(seq));
    const file = await writeNew(files, path, bytes);
    await file.close();
    await files.rename(path + NEW_SUFFIX, path);
  }

  /** The bytes of the witness file, or undefined if there is none. @throws what the system throws, also for what is no regular file. */
  static read(path: string): Uint8Array | undefined {
    try {
      return readRegularSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Opens the file that {@link create} made, to be written in place; a copy of it if it has another name. */
  static async open(files: Files, path: string, store: Uint8Array): Promise<Witness> {
    const file = await files.open(path, MODE, { empty: false, existing: true });
    try {
      const witness = new Witness(files, path, file, readRegularSync(path), store);
      if (isShared(file)) await witness.#leave();
      return witness;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /**
   * Makes the slot of `seq` ready while its batch is being written, so that {@link write} only hands it to the kernel. If the file got
   * another name meanwhile, a promise: wait for it before {@link write}. It rejects if no copy can take the file's place.
   */
  prepare(seq: bigint): Promise<void> | undefined {
    this.#fill(seq);
    // A system call of a microsecond, while the disk is at work.
    this.#leaving = isShared(this.#file) ? this.#leave() : undefined;
    return this.#leaving;
  }

  /**
   * Empties the disk's cache of everything that was synced before, whatever file it belongs to: on macOS, where `fsync` leaves it there and
   * `fdatasync` of Node.js is F_FULLFSYNC. Elsewhere it is not needed.
   */
  flushDisk(): Promise<void> {
    return this.#file.sync();
  }

  /** Says that `seq` is durable. On return the kernel has it: it survives the process, and soon a power cut. */
  write(seq: bigint): void {
    if (this.#prepared !== seq) this.#fill(seq);
    if (!this.#open) throw new Error('the witness is closed');
    this.#file.writeNow(this.#slot, slotOffset(seq));
    this.#slot.copy(this.#bytes, slotOffset(seq));
  }

  /** Idempotent. */
  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    // Of a batch that failed meanwhile, so that its caller does not wait for it: it closes the file that it leaves.
    await this.#leaving?.catch(() => undefined);
    await this.#file.close();
  }

  #fill(seq: bigint): void {
    this.#view.setBigUint64(SEQ_OFFSET, seq);
    this.#view.setUint32(CRC_OFFSET, crc32(this.#head));
    this.#prepared = seq;
  }

  /** Puts a copy in the place of the file, and goes on with that. */
  async #leave(): Promise<void> {
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

/** True if the file has another name: that of a backup. */
function isShared(file: WritableFile): boolean {
  return file.status().links > 1;
}

function isSameFile(path: string, file: WritableFile): boolean {
  const [named, opened] = [lstatSync(path, { bigint: true }), file.status()];
  return named.ino === opened.inode && named.dev === opened.device;
}

/** Writes what will have the name `path`, synced, under a name of its own. The file is open. */
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
