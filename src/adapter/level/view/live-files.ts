/**
 * Which files a LevelDB needs, out of its MANIFEST.
 *
 * A MANIFEST is a LevelDB log: blocks of 32 KiB, in each fragments of
 *
 *      offset  0                  4          6      7
 *              crc-32c, masked    length     type   payload ...        little-endian; type 1 full, 2 first, 3 middle, 4 last
 *
 * The crc covers type and payload. Fewer than 7 bytes at the end of a block are zero. A record, put together from its fragments, is a
 * version edit: fields of a tag (varint) and a value, where a string is its length (varint) and its bytes:
 *
 *      1 comparator: string          2 log number: varint           3 next file number: varint     4 last sequence: varint
 *      5 compact pointer: level, string                             6 deleted table: level, number
 *      7 new table: level, number, size, smallest key, largest key  9 previous log number: varint
 *
 * Source: LevelDB 1.20, doc/log_format.md and db/version_edit.cc.
 */
import { crc32c } from '../../crc32c.js';

/** The files that a MANIFEST names, after all of its whole records. */
export interface LiveFiles {
  /** Numbers of the live tables, with their sizes in bytes. */
  readonly tables: ReadonlyMap<number, number>;
  /** Logs with this number and higher ones are live. */
  readonly logNumber: number;
  /** One older log that is live too; 0 for none. LevelDB 1.20 reads it and never writes one. */
  readonly previousLog: number;
  /** LevelDB gives this number to the next file that it makes. */
  readonly nextFile: number;
}

const BLOCK_BYTES = 32 * 1024;
const HEADER_BYTES = 7;
const MASK_DELTA = 0xa282ead8;
const [FULL, FIRST, MIDDLE, LAST] = [1, 2, 3, 4];

/** Reads the edits of a MANIFEST up to the first record that is not whole. */
export function readLiveFiles(manifest: Uint8Array): LiveFiles {
  const state = { tables: new Map<number, number>(), logNumber: 0, previousLog: 0, nextFile: 0 };
  for (const record of recordsOf(Buffer.from(manifest.buffer, manifest.byteOffset, manifest.byteLength))) {
    if (!applyEdit(record, state)) break;
  }
  return state;
}

function* recordsOf(bytes: Buffer): Generator<Buffer, void, void> {
  let parts: Buffer[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (left < HEADER_BYTES) {
      at += left;
      continue;
    }
    const end = at + HEADER_BYTES + bytes.readUInt16LE(at + 4);
    const type = bytes[at + 6];
    if (end > bytes.length || end - at > left) return;
    if (unmasked(bytes.readUInt32LE(at)) !== crc32c(bytes.subarray(at + 6, end))) return;
    if (type === FULL || type === FIRST) parts = [];
    else if ((type !== MIDDLE && type !== LAST) || parts.length === 0) return;
    parts.push(bytes.subarray(at + HEADER_BYTES, end));
    if (type === FULL || type === LAST) yield Buffer.concat(parts);
    at = end;
  }
}

function unmasked(crc: number): number {
  const rotated = (crc - MASK_DELTA) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

interface MutableFiles {
  readonly tables: Map<number, number>;
  logNumber: number;
  previousLog: number;
  nextFile: number;
}

/** False for a record that does not read like an edit. */
function applyEdit(record: Buffer, state: MutableFiles): boolean {
  const fields = new Fields(record);
  while (!fields.isAtEnd) {
    switch (fields.varint()) {
      case 1:
        fields.skipString();
        break;
      case 2:
        state.logNumber = fields.varint();
        break;
      case 3:
        state.nextFile = fields.varint();
        break;
      case 4:
        fields.varint();
        break;
      case 5:
        fields.varint();
        fields.skipString();
        break;
      case 6:
        fields.varint();
        state.tables.delete(fields.varint());
        break;
      case 7:
        fields.varint();
        state.tables.set(fields.varint(), fields.varint());
        fields.skipString();
        fields.skipString();
        break;
      case 9:
        state.previousLog = fields.varint();
        break;
      default:
        return false;
    }
  }
  return !fields.isOverrun;
}

/** Takes fields off a record. */
class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  get isOverrun(): boolean {
    return this.#at > this.#bytes.length;
  }

  /** Beyond 2^53 it loses digits: such a number is no file's. */
  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  skipString(): void {
    const length = this.varint();
    this.#at += length;
  }
}
