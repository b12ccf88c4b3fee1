/**
 * Reads bodies that have exactly the bytes of the writer. At any other byte, the reader fails. A
 * failed reader still returns values, which are meaningless. So callers check only once, at the
 * end.
 */
import { NEGATIVE64, type Template, UINT64 } from './template.js';

const NUMBER = 0x00;
const BYTES = 0x40;
const ARRAY = 0x80;
const SCRATCH = new Uint8Array(8);
const SCRATCH_VIEW = new DataView(SCRATCH.buffer);
const EMPTY = new Uint8Array(0);

/** A body and the position of the reader in it. */
export class BodyReader {
  readonly #body: Uint8Array;
  /**
   * The memory of the body and the offset of the body in it, kept because reading these properties
   * is slower than creating a view.
   */
  readonly #buffer: ArrayBufferLike;
  readonly #from: number;
  readonly #length: number;
  #at = 0;
  /** Start of the last stretch that was read. */
  #base = 0;
  hasFailed = false;
  /** Number of optional entries present in the current map. */
  optional = 0;

  constructor(body: Uint8Array) {
    this.#body = body;
    this.#buffer = body.buffer;
    this.#from = body.byteOffset;
    this.#length = body.length;
  }

  /** True if the whole body was read without failure. */
  get isDone(): boolean {
    return !this.hasFailed && this.#at === this.#length;
  }

  fail(): void {
    this.hasFailed = true;
  }

  /**
   * Checks a stretch and moves past it. The values in its places are then read by offsets from its
   * start.
   */
  pass(stretch: Template): void {
    const at = this.#at;
    if (!stretch.standsAt(this.#body, at)) this.hasFailed = true;
    this.#base = at;
    this.#at = at + stretch.bytes.length;
  }

  /** True if the stretch follows. */
  isAt(stretch: Template): boolean {
    return stretch.standsAt(this.#body, this.#at);
  }

  byteAt(offset: number): number {
    return this.#body[this.#base + offset] ?? 0;
  }

  bytesAt(offset: number, length: number): Uint8Array {
    return this.#bytes(this.#base + offset, length);
  }

  /** The 64 bits of an integer whose head belongs to the fixed bytes of the stretch. */
  unsignedAt(offset: number): bigint {
    const at = this.#base + offset;
    // Copied to a constant buffer, so that V8 inlines `getBigUint64`.
    for (let i = 0; i < 8; i++) SCRATCH[i] = this.#body[at + i] ?? 0;
    return SCRATCH_VIEW.getBigUint64(0);
  }

  /** The integer including its head. */
  integerAt(offset: number): bigint {
    const head = this.byteAt(offset);
    const value = this.unsignedAt(offset + 1);
    if (head === UINT64) return value;
    if (head !== NEGATIVE64) this.hasFailed = true;
    return -1n - value;
  }

  number(): number {
    return this.#head(NUMBER);
  }

  /** The head of an array: its number of items. */
  array(): number {
    return this.#head(ARRAY);
  }

  byteString(): Uint8Array {
    const length = this.#head(BYTES);
    const at = this.#at;
    this.#at = at + length;
    return this.#bytes(at, length);
  }

  /** The number in a head of up to 32 bits, which must be in its shortest form. */
  #head(major: number): number {
    const info = (this.#body[this.#at] ?? 0xff) - major;
    if (info >= 0 && info < 24) {
      this.#at += 1;
      return info;
    }
    const length = info === 24 ? 1 : info === 25 ? 2 : info === 26 ? 4 : 0;
    let value = 0;
    for (let i = 1; i <= length; i++) value = value * 0x100 + (this.#body[this.#at + i] ?? 0);
    this.#at += 1 + length;
    const isShortest = value >= (length === 1 ? 24 : length === 2 ? 0x100 : 0x10000);
    if (length === 0 || this.#at > this.#length || !isShortest) this.hasFailed = true;
    return value;
  }

  #bytes(at: number, length: number): Uint8Array {
    if (at + length <= this.#length) return new Uint8Array(this.#buffer, this.#from + at, length);
    this.hasFailed = true;
    return EMPTY;
  }
}
