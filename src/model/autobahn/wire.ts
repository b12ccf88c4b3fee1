/**
 * Writes Protobuf's wire format: the subset that Autobahn uses, in its canonical form.
 *
 *   field   = tag content
 *   tag     = field number << 3 | wire type; one byte, since every number here is below 16
 *   content = varint                          wire type 0: 64-bit numbers and int32
 *           | varint length, that many bytes  wire type 2: byte strings and messages
 *   varint  = 7 bits a byte, lowest first, the high bit set on all but the last; in shortest form
 *
 * Reading uses a library (parse.ts), because the input may be hostile. Writing does not: hashes and
 * signatures cover these bytes, so they must be the original's canonical encoding. Protobuf does
 * not guarantee that a message is always encoded to the same bytes, and a new version of the
 * library could change them. Here the tables (message.ts) define the order and form of the fields.
 * A value is checked and written in one pass (encoding.ts), without a second tree of objects.
 * Messages of votes are written by code of their own (code.ts). Tests compare the code with the
 * tables, and the result with the library's `toBinary`.
 */
import { HALVES, HIGH, WORD } from '../../base/word.js';

/** The wire type of numbers. */
export const VARINT = 0;
/** The wire type of byte strings and messages. */
export const LENGTH_DELIMITED = 2;
/** The wire types that fields of this protocol have. */
export type WireType = typeof VARINT | typeof LENGTH_DELIMITED;

const U64_MASK = 2n ** 64n - 1n;
/** The high half of the lowest number that is not a safe integer. */
const HIGH_UNSAFE = 2 ** 21;
const U32_MAX = 2 ** 32 - 1;
const SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/**
 * The tag of a field.
 * @throws RangeError if the tag is longer than one byte: the computation of sizes relies on one
 * byte.
 */
export function tagOf(number: number, wire: WireType): number {
  if (!Number.isInteger(number) || number < 1 || number > 15) throw new RangeError(`field number ${number}`);
  return (number << 3) | wire;
}

/** Size of `value`, from 0 to 2^53-1, as a varint, in bytes. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

/** Size of the low 64 bits of `value` as a varint, in bytes; 10 for a negative number. */
export function varintSize64(value: bigint): number {
  if (value >= 0n && value <= SAFE) return varintSize(Number(value));
  let size = 1;
  for (let rest = value & U64_MASK; rest >= 0x80n; rest >>= 7n) size++;
  return size;
}

/**
 * Fills a buffer from its end, so that the length of a nested message is known when its prefix is
 * written, in one pass. Fields are written last to first. Bytes beyond the buffer are dropped, but
 * counted.
 */
export class Writer {
  readonly #buffer: Uint8Array;
  /** Offset of the byte that was written last; negative once bytes were dropped. */
  #at: number;

  constructor(size: number) {
    this.#buffer = new Uint8Array(size);
    this.#at = size;
  }

  /** Number of bytes written so far, dropped ones included. */
  get length(): number {
    return this.#buffer.length - this.#at;
  }

  /**
   * The bytes written so far; undefined if some were dropped. They share the buffer, which
   * is overwritten after {@link reset}.
   */
  get bytes(): Uint8Array | undefined {
    // A plain view, because `subarray` takes twice as long.
    return this.#at < 0 ? undefined : new Uint8Array(this.#buffer.buffer, this.#at, this.length);
  }

  /** Empties the writer. */
  reset(): void {
    this.#at = this.#buffer.length;
  }

  byte(value: number): void {
    const at = this.#take(1);
    if (at >= 0) this.#buffer[at] = value;
  }

  raw(bytes: Uint8Array): void {
    const at = this.#take(bytes.length);
    if (at >= 0) this.#buffer.set(bytes, at);
  }

  varint(value: number): void {
    if (value < 0x80) {
      this.byte(value);
      return;
    }
    let at = this.#take(varintSize(value));
    if (at < 0) return;
    const buffer = this.#buffer;
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) buffer[at++] = (rest % 0x80) | 0x80;
    buffer[at] = rest;
  }

  /** The low 64 bits. */
  varint64(value: bigint): void {
    // Halves, because V8 does not inline `Number(value)`.
    WORD[0] = value;
    const high = HALVES[HIGH] as number;
    if (high < HIGH_UNSAFE) {
      this.varint(high * 2 ** 32 + (HALVES[1 - HIGH] as number));
      return;
    }
    let at = this.#take(varintSize64(value));
    if (at < 0) return;
    const buffer = this.#buffer;
    let rest = value & U64_MASK;
    for (; rest >= 0x80n; rest >>= 7n) buffer[at++] = Number(rest & 0x7fn) | 0x80;
    buffer[at] = Number(rest);
  }

  /** A byte string as a field: its tag, its length, and the bytes. */
  bytesField(tag: number, bytes: Uint8Array): void {
    const { length } = bytes;
    if (length >= 0x80) {
      this.raw(bytes);
      this.#tagged(tag, length);
      return;
    }
    const at = this.#take(length + 2);
    if (at < 0) return;
    const buffer = this.#buffer;
    buffer[at] = tag;
    buffer[at + 1] = length;
    buffer.set(bytes, at + 2);
  }

  /**
   * A message of one byte string as a field: its tag and length, then the tag `inner`, the length
   * of the byte string, and the bytes, of which there are at most 125.
   */
  nestedBytes(tag: number, inner: number, bytes: Uint8Array): void {
    const { length } = bytes;
    const at = this.#take(length + 4);
    if (at < 0) return;
    const buffer = this.#buffer;
    buffer[at] = tag;
    buffer[at + 1] = length + 2;
    buffer[at + 2] = inner;
    buffer[at + 3] = length;
    buffer.set(bytes, at + 4);
  }

  /** The low 64 bits as a field: its tag, and the number. */
  field64(tag: number, value: bigint): void {
    WORD[0] = value;
    const low = HALVES[1 - HIGH] as number;
    if (HALVES[HIGH] === 0) {
      this.#tagged(tag, low);
    } else {
      this.varint64(value);
      this.byte(tag);
    }
  }

  /** The tag and the length of a field whose content was written since `length` was `before`. */
  delimit(tag: number, before: number): void {
    this.#tagged(tag, this.length - before);
  }

  /** A tag and a number, without the division of {@link varint} below 2^32. */
  #tagged(tag: number, value: number): void {
    if (value > U32_MAX) {
      this.varint(value);
      this.byte(tag);
      return;
    }
    let size = 2;
    for (let rest = value; rest >= 0x80; rest >>>= 7) size++;
    let at = this.#take(size);
    if (at < 0) return;
    const buffer = this.#buffer;
    buffer[at++] = tag;
    let rest = value;
    for (; rest >= 0x80; rest >>>= 7) buffer[at++] = rest | 0x80;
    buffer[at] = rest;
  }

  /** Counts `count` bytes, and returns their offset; negative if they do not fit. */
  #take(count: number): number {
    this.#at -= count;
    return this.#at;
  }
}
