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
 */
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { STORE_ID_BYTES } from './tip.js';

/** The file's name in the location. */
export const WITNESS_FILE = 'witness';
/** The file's size: it is whole from creation on and never grows. */
export const WITNESS_BYTES = 8192;

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

/** The open witness file of a running store. Synchronous on purpose: a 36-byte write into the page cache. */
export class Witness {
  readonly #fd: number;
  readonly #slot: Buffer;
  readonly #view: DataView;
  /** What the crc is of. */
  readonly #head: Buffer;
  /** The seq that the slot is made for. */
  #prepared = 0n;
  #open = true;

  private constructor(fd: number, store: Uint8Array) {
    this.#fd = fd;
    this.#slot = encodeSlot({ store, seq: 0n });
    this.#view = new DataView(this.#slot.buffer, this.#slot.byteOffset, SLOT_BYTES);
    this.#head = this.#slot.subarray(0, CRC_OFFSET);
  }

  /** Writes a whole witness file for `seq` and syncs it; the caller syncs the directory. Replaces what is there. */
  static create(path: string, store: Uint8Array, seq: bigint): void {
    const fd = openSync(path, 'w', 0o600);
    try {
      const bytes = Buffer.alloc(WITNESS_BYTES);
      encodeSlot({ store, seq }).copy(bytes, slotOffset(seq));
      for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, done);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  }

  /** The bytes of the witness file, or undefined if there is none. */
  static read(path: string): Uint8Array | undefined {
    try {
      return readFileSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Opens the file that {@link create} made, to be written in place. */
  static open(path: string, store: Uint8Array): Witness {
    return new Witness(openSync(path, 'r+'), store);
  }

  /** Makes the slot of `seq` ready while its batch is being written, so that {@link write} only hands it to the kernel. */
  prepare(seq: bigint): void {
    this.#view.setBigUint64(SEQ_OFFSET, seq);
    this.#view.setUint32(CRC_OFFSET, crc32(this.#head));
    this.#prepared = seq;
  }

  /** Says that `seq` is durable. On return the kernel has it: it survives the process, and soon a power cut. */
  write(seq: bigint): void {
    if (this.#prepared !== seq) this.prepare(seq);
    const written = writeSync(this.#fd, this.#slot, 0, SLOT_BYTES, slotOffset(seq));
    if (written !== SLOT_BYTES) throw new Error(`witness: ${written} of ${SLOT_BYTES} bytes were written`);
  }

  close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#fd);
  }
}

function slotOffset(seq: bigint): number {
  return seq % 2n === 0n ? 0 : SLOT_SPACING;
}
