/**
 * The numbers of LevelDB's files (util/coding.cc of LevelDB 1.20): fixed ones are little-endian; a varint has seven bits a byte,
 * the lowest first, and the top bit says that another byte follows; a slice is a varint length and so many bytes.
 *
 * A stored CRC-32C is masked, since the crc of data that holds its own crc is a poor check:
 *
 *   masked = rotate right by 15 bits (crc) + 0xa282ead8
 */

const MASK_DELTA = 0xa282ead8;

/** The crc that a masked one stands for. */
export function unmaskCrc(masked: number): number {
  const rotated = (masked - MASK_DELTA) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

/** The four bytes at `at`, an unsigned number. The caller knows that they are there. */
export function fixed32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

/** True if `wanted` stands at `at`. */
export function startsWith(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  if (bytes.length < at + wanted.length) return false;
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

/** Reads values one after the other. What is not there, or too large, reads as undefined, and so does all that comes after it. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at: number;
  #failed = false;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Where the next value begins. */
  get at(): number {
    return this.#at;
  }

  get atEnd(): boolean {
    return !this.#failed && this.#at === this.#bytes.length;
  }

  /** A varint of at most 53 bits: file numbers, sizes, offsets and sequences are far smaller. */
  varint(): number | undefined {
    let value = 0;
    for (let scale = 1; scale <= 2 ** 49 && !this.#failed; scale *= 128) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined) break;
      this.#at++;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return Number.isSafeInteger(value) ? value : this.#fail();
    }
    return this.#fail();
  }

  /** So many bytes; they share memory with the source. */
  take(length: number | undefined): Uint8Array | undefined {
    if (this.#failed || length === undefined || this.#at + length > this.#bytes.length) return this.#fail();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A varint length and so many bytes. */
  slice(): Uint8Array | undefined {
    return this.take(this.varint());
  }

  #fail(): undefined {
    this.#failed = true;
    return undefined;
  }
}
