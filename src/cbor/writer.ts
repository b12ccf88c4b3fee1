/**
 * Writes the CBOR of records: the subset of RFC 8949 that bodies use, with the shortest heads, byte
 * for byte as cbor-x writes it with the options in docs/design.md, CBOR (a property test compares
 * them).
 *
 * Records are read with cbor-x, but not written: encoding is on the path to durability, and cbor-x
 * takes two to four times as long for the many short byte strings of a QC
 * (docs/benchmarks-details.md). Values that would not be read back equal are refused.
 */
import { HALVES, HIGH, WORD } from '../base/word.js';
import { U64_MAX } from '../keys/index.js';
import { type Arena, Arenas, arenaOf } from './arenas.js';
import type { BodyWriter } from './body-writer.js';
import { COPIES_MAX, type Template } from './template.js';

/** Size of the memory for records, in bytes: enough for a few rounds of small blocks. */
const ARENA_BYTES = 256 * 1024;
/** Free arenas that are kept; a burst of waiting rounds may use more for a time. */
const ARENAS_MAX = 8;
/** Larger items go into separate memory if the caller sets `releasedLate`. */
export const LARGE_BYTES = 8 * 1024;
/**
 * Size of that separate memory, in bytes: enough for two blocks of the protocol's largest size.
 * Untouched pages cost nothing.
 */
export const LARGE_ARENA_BYTES = 4 * 1024 * 1024;
const LARGE_ARENAS_MAX = 8;
/** The longest head: one byte and a 64-bit number. */
const HEAD_BYTES_MAX = 9;
/** Texts of up to this length are cached encoded. */
const SHORT_TEXT = 40;
/**
 * Upper bound of cached texts. Map keys are few; the bound limits the memory for a model that
 * generates new ones.
 */
const TEXTS_MAX = 1024;

const UNSIGNED = 0x00;
const NEGATIVE = 0x20;
const BYTES = 0x40;
const TEXT = 0x60;
const ARRAY = 0x80;
const MAP = 0xa0;
const FALSE = 0xf4;
const TRUE = 0xf5;
const NULL = 0xf6;
const FLOAT64 = 0xfb;
const ONE_BYTE = 24;
const FOUR_BYTES = 26;
const EIGHT_BYTES = 27;

/** Writes CBOR items into an arena. Not re-entrant: a value must not have getters that write. */
export class CborWriter implements BodyWriter {
  readonly #arenas = new Arenas(ARENA_BYTES, ARENAS_MAX);
  readonly #largeArenas = new Arenas(LARGE_ARENA_BYTES, LARGE_ARENAS_MAX);
  /** The arena of the next item. */
  #common: Arena = this.#arenas.take(0);
  /** The arena of the current item, its memory, and the end of the writable part. */
  #into = this.#common;
  #arena = this.#into.bytes;
  #view = this.#into.view;
  #limit = this.#arena.length;
  /** True if the current item goes into separate memory when it is large. */
  #releasedLate = false;
  /**
   * Start of the current item, number of bytes reserved for the caller, and position of the next
   * byte.
   */
  #start = 0;
  #front = 0;
  #at = 0;
  /** Origin of the offsets of places. */
  #base = 0;
  optional = 0;
  readonly #texts = new Map<string, Uint8Array>();

  /**
   * Begins an item after `front` bytes that the caller will fill in. An item that was begun and not
   * ended is discarded. The caller may release the item's memory (`releaseMemory`); otherwise the
   * garbage collector frees it. `releasedLate` puts a large item into separate memory, so that it
   * does not pin the memory of small items for long.
   */
  begin(front = 0, releasedLate = false): void {
    if (this.#into !== this.#common) this.#enter(this.#common);
    this.#releasedLate = releasedLate;
    this.#start = this.#at = this.#common.end;
    this.#limit = releasedLate ? Math.min(this.#arena.length, this.#start + LARGE_BYTES) : this.#arena.length;
    this.#reserve(front);
    this.#at += front;
    this.#front = front;
  }

  /**
   * Ends the item and returns its bytes, including the last `front` of the bytes before it and
   * `back` bytes after it. The bytes do not change any more. Reserved bytes in front that are not
   * part of the view also belong to the caller.
   */
  end(front = 0, back = 0): Uint8Array {
    this.#reserve(back);
    const from = this.#start + this.#front - front;
    const end = this.#at + back;
    this.#into.end = this.#start = this.#at = end;
    this.#into.items++;
    // A plain view, because `subarray` of a Buffer takes twice as long.
    return new Uint8Array(this.#into.buffer, from, end - from);
  }

  /** Number of bytes of the current item so far. */
  get length(): number {
    return this.#at - this.#start - this.#front;
  }

  /** The head of an array of `items`, which must follow. */
  array(items: number): void {
    this.#head(ARRAY, items);
  }

  /** The head of a map of `entries`, each a text and a value, which must follow. */
  map(entries: number): void {
    this.#head(MAP, entries);
  }

  /** Encoded CBOR, copied unchanged. */
  raw(bytes: Uint8Array): void {
    const { length } = bytes;
    if (this.#at + length > this.#limit) this.#grow(length);
    this.#arena.set(bytes, this.#at);
    this.#at += length;
  }

  /** A stretch; its places must be filled in before anything else is written. */
  stretch(bytes: Uint8Array): void {
    const { length } = bytes;
    if (this.#at + length > this.#limit) this.#grow(length);
    const at = this.#at;
    this.#base = at;
    this.#at = at + length;
    this.#arena.set(bytes, at);
  }

  /** A stretch, `copies` times; offsets count from the first copy. */
  stretches(template: Template, copies: number): void {
    this.#reserve(template.bytes.length * copies);
    this.#base = this.#at;
    for (let left = copies; left > 0; left -= COPIES_MAX) this.raw(template.copies(Math.min(left, COPIES_MAX)));
  }

  /** Moves the origin of offsets forward by `bytes`. */
  advance(bytes: number): void {
    this.#base += bytes;
  }

  /** The position of an offset in the item. */
  positionOf(offset: number): number {
    return this.#base + offset - this.#start;
  }

  /** Fills in a byte at a position. */
  fillByteAt(position: number, byte: number): void {
    this.#arena[this.#start + position] = byte;
  }

  /** Fills in a byte. */
  fillByte(offset: number, byte: number): void {
    this.#arena[this.#base + offset] = byte;
  }

  /** Fills in bytes. */
  fillBytes(offset: number, bytes: Uint8Array): void {
    this.#arena.set(bytes, this.#base + offset);
  }

  /** Fills in the low 64 bits. */
  fillBigint(offset: number, value: bigint): void {
    this.#setBigint(this.#base + offset, value);
  }

  /**
   * Any plain value.
   * @throws TypeError for undefined, a function, an instance of a class, a bigint beyond 64 bits.
   */
  value(value: unknown): void {
    const type = typeof value;
    if (type === 'object') this.#object(value as object | null);
    else if (type === 'bigint') this.bigint(value as bigint);
    else if (type === 'string') this.text(value as string);
    else if (type === 'number') this.number(value as number);
    else if (type === 'boolean') this.#byte(value === true ? TRUE : FALSE);
    else throw new TypeError(`a body cannot hold a value of type ${type}`);
  }

  #object(value: object | null): void {
    if (value === null) this.#byte(NULL);
    else if (value instanceof Uint8Array) this.bytes(value);
    else if (Array.isArray(value)) this.#array(value);
    else if (isPlainObject(value)) this.#map(value);
    else throw new TypeError(`a body cannot hold ${Object.prototype.toString.call(value)}`);
  }

  #array(items: readonly unknown[]): void {
    this.#head(ARRAY, items.length);
    for (let i = 0; i < items.length; i++) this.value(items[i]);
  }

  #map(map: Record<string, unknown>): void {
    const keys = Object.keys(map);
    this.#head(MAP, keys.length);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as string;
      this.text(key);
      this.value(map[key]);
    }
  }

  /** A byte string. */
  bytes(bytes: Uint8Array): void {
    this.#head(BYTES, bytes.length);
    this.raw(bytes);
  }

  /** A text; short ones are cached. */
  text(text: string): void {
    let encoded = this.#texts.get(text);
    if (encoded === undefined) {
      encoded = encodeText(text);
      if (this.#texts.size < TEXTS_MAX && text.length <= SHORT_TEXT) this.#texts.set(text, encoded);
    }
    this.raw(encoded);
  }

  /** A 64-bit integer in 9 bytes. @throws TypeError beyond 64 bits. */
  bigint(value: bigint): void {
    const negative = value < 0n;
    const magnitude = negative ? -1n - value : value;
    if (magnitude > U64_MAX) throw new TypeError(`a body cannot hold ${value}: it has more than 64 bits`);
    this.#reserve(HEAD_BYTES_MAX);
    this.#arena[this.#at] = (negative ? NEGATIVE : UNSIGNED) | EIGHT_BYTES;
    this.#setBigint(this.#at + 1, magnitude);
    this.#at += 9;
  }

  /** A number: whole numbers of 32 bits as integers, others as doubles. */
  number(value: number): void {
    if (Number.isInteger(value) && !Object.is(value, -0) && value <= 0xffffffff && value >= -0x100000000) {
      if (value >= 0) this.#head(UNSIGNED, value);
      else this.#head(NEGATIVE, -1 - value);
      return;
    }
    this.#reserve(HEAD_BYTES_MAX);
    this.#arena[this.#at] = FLOAT64;
    this.#view.setFloat64(this.#at + 1, value);
    this.#at += 9;
  }

  /** The low 64 bits, at a position in the arena. Two halves: V8 does not inline `setBigUint64`. */
  #setBigint(at: number, value: bigint): void {
    WORD[0] = value;
    this.#view.setUint32(at, HALVES[HIGH] as number);
    this.#view.setUint32(at + 4, HALVES[1 - HIGH] as number);
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#arena[this.#at++] = byte;
  }

  /** The shortest head for a number of up to 32 bits. */
  #head(major: number, value: number): void {
    this.#reserve(HEAD_BYTES_MAX);
    this.#at += writeHead(this.#arena, this.#view, this.#at, major, value);
  }

  /** Makes room for `length` more bytes. */
  #reserve(length: number): void {
    if (this.#at + length > this.#limit) this.#grow(length);
  }

  /** Continues in an arena with room for `length` more bytes; copies the begun item there. */
  #grow(length: number): void {
    const begun = this.#at - this.#start;
    const [from, start] = [this.#arena, this.#start];
    this.#enter(this.#roomFor(begun, length));
    this.#start = this.#into.end;
    from.copy(this.#arena, this.#start, start, start + begun);
    this.#at = this.#start + begun;
  }

  #roomFor(begun: number, length: number): Arena {
    const needed = begun + length;
    const isLarge = this.#releasedLate && needed > LARGE_BYTES;
    const arenas = isLarge ? this.#largeArenas : this.#arenas;
    // An item that is larger than an arena gets its own memory; the next item begins where this one
    // began.
    if (needed > arenas.bytes) return arenaOf(needed + begun);
    const arena = arenas.take(needed);
    if (!isLarge) this.#common = arena;
    return arena;
  }

  #enter(arena: Arena): void {
    this.#into = arena;
    this.#arena = arena.bytes;
    this.#view = arena.view;
    this.#limit = arena.bytes.length;
  }
}

function writeHead(to: Uint8Array, view: DataView, at: number, major: number, value: number): number {
  if (value < ONE_BYTE) {
    to[at] = major | value;
    return 1;
  }
  if (value < 0x100) {
    to[at] = major | ONE_BYTE;
    to[at + 1] = value;
    return 2;
  }
  if (value < 0x10000) {
    to[at] = major | (ONE_BYTE + 1);
    view.setUint16(at + 1, value);
    return 3;
  }
  to[at] = major | FOUR_BYTES;
  view.setUint32(at + 1, value);
  return 5;
}

function encodeText(text: string): Uint8Array {
  const utf8 = Buffer.from(text, 'utf8');
  const encoded = new Uint8Array(utf8.length + HEAD_BYTES_MAX);
  const head = writeHead(encoded, new DataView(encoded.buffer), 0, TEXT, utf8.length);
  encoded.set(utf8, head);
  return encoded.subarray(0, head + utf8.length);
}

function isPlainObject(value: object): value is Record<string, unknown> {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
