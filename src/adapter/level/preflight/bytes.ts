/**
 * The encodings of LevelDB's files (util/coding.cc of LevelDB 1.20). Fixed-size numbers are
 * little-endian. A varint has seven bits a byte, the lowest first; the top bit is set if another
 * byte follows. A slice is a varint length, then that many bytes.
 *
 * A CRC-32C is stored masked, because a crc over data that contains crcs is a poor check:
 *
 *   masked = rotate right by 15 bits (crc) + 0xa282ead8
 */

const MASK_DELTA = 0xa282ead8;

/** The crc for a masked crc. */
export function unmaskCrc(masked: number): number {
  const rotated = (masked - MASK_DELTA) >>> 0;
  return ((rotated >>> 17) | (rotated << 15)) >>> 0;
}

/**
 * The unsigned number in the four bytes at `at`, little-endian. The caller has checked that they
 * exist.
 */
export function fixed32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
}

/** True if `bytes` hold `wanted` at offset `at`. */
export function startsWith(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  if (bytes.length < at + wanted.length) return false;
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

/**
 * Reads consecutive values. A value that is cut off or too large reads as undefined, and so does
 * every value after it.
 */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #at: number;
  #failed = false;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Offset of the next value. */
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

  /** The next `length` bytes; they share memory with the source. */
  take(length: number | undefined): Uint8Array | undefined {
    if (this.#failed || length === undefined || this.#at + length > this.#bytes.length) return this.#fail();
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** A slice: a varint length, then that many bytes; they share memory with the source. */
  slice(): Uint8Array | undefined {
    return this.take(this.varint());
  }

  #fail(): undefined {
    this.#failed = true;
    return undefined;
  }
}
