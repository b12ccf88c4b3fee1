/**
 * Constant pieces of CBOR (RFC 8949): the heads and keys of a record's maps. Built once, copied
 * into each record.
 */

const BYTES = 0x40;
const TEXT = 0x60;
const ARRAY = 0x80;
const MAP = 0xa0;
/** From this value on, a head has a separate byte for the number. */
const ONE_BYTE = 24;
/** The head of a non-negative 64-bit integer. */
export const UINT64 = 0x1b;
/** The head of a negative 64-bit integer n; followed by -1 - n. */
export const NEGATIVE64 = 0x3b;

/** Largest number of copies of a template that are made in one piece. */
export const COPIES_MAX = 32;

/**
 * A part of a {@link Template}: constant bytes, or a place of that many bytes that is filled in
 * each time.
 */
export type Piece = readonly number[] | { readonly place: number };

/** Concatenates the pieces. */
export function cbor(...pieces: readonly (readonly number[])[]): Uint8Array {
  return Uint8Array.from(pieces.flat());
}

/** The head of a map of `entries`, each a text and a value. */
export function map(entries: number): number[] {
  return head(MAP, entries);
}

/** The head of an array of `items`. */
export function array(items: number): number[] {
  return head(ARRAY, items);
}

/** The head of a byte string of `length` bytes. */
export function byteString(length: number): number[] {
  return head(BYTES, length);
}

/** A text. */
export function text(value: string): number[] {
  const utf8 = Buffer.from(value, 'utf8');
  return [...head(TEXT, utf8.length), ...utf8];
}

/**
 * A stretch of CBOR in which only some places change. Filling in the places and copying the whole
 * takes a fraction of the time of writing it piece by piece. A place keeps its content until it is
 * filled in again.
 */
export class Template {
  readonly bytes: Uint8Array;
  /** Cached copies, by their number of repetitions. */
  readonly #copies: (Uint8Array | undefined)[] = [];
  /** Offsets of the constant bytes. */
  readonly #fixed: Uint16Array;

  constructor(...pieces: readonly Piece[]) {
    const bytes: number[] = [];
    const fixed: number[] = [];
    for (const piece of pieces) {
      if (!('place' in piece)) for (const i of piece.keys()) fixed.push(bytes.length + i);
      bytes.push(...('place' in piece ? new Array<number>(piece.place).fill(0) : piece));
    }
    this.bytes = Uint8Array.from(bytes);
    this.#fixed = Uint16Array.from(fixed);
  }

  /**
   * The bytes, repeated `count` times; cached. Copying all repetitions at once takes hardly longer
   * than copying one.
   * @param count up to {@link COPIES_MAX}
   */
  copies(count: number): Uint8Array {
    this.#copies[count] ??= Uint8Array.from(
      new Array<Uint8Array>(count).fill(this.bytes).flatMap((bytes) => [...bytes]),
    );
    return this.#copies[count] as Uint8Array;
  }

  /**
   * True if `bytes` has the constant bytes from `at` on; the content of places is ignored. A loop,
   * because a native call costs more.
   */
  standsAt(bytes: Uint8Array, at: number): boolean {
    const own = this.bytes;
    const fixed = this.#fixed;
    if (at + own.length > bytes.length) return false;
    for (let i = 0; i < fixed.length; i++) {
      const place = fixed[i] as number;
      if (bytes[at + place] !== own[place]) return false;
    }
    return true;
  }
}

const NOTHING = new Template();

/** A stretch under construction; see compile.ts. */
export class Stretch {
  readonly #pieces: Piece[] = [];
  #hasBegun = false;
  length = 0;
  /** The complete stretch; empty until {@link end} is called. */
  template = NOTHING;
  bytes = NOTHING.bytes;

  add(piece: Piece): void {
    this.#pieces.push(piece);
    this.length += 'place' in piece ? piece.place : piece.length;
  }

  /**
   * Returns itself at the first call, then undefined: the first writer in the stretch copies it.
   */
  begin(): this | undefined {
    if (this.#hasBegun) return undefined;
    this.#hasBegun = true;
    return this;
  }

  end(): void {
    this.template = new Template(...this.#pieces);
    this.bytes = this.template.bytes;
  }
}

function head(major: number, value: number): number[] {
  if (value > 0xff) throw new RangeError(`${value} is too large for a constant head of CBOR`);
  return value < ONE_BYTE ? [major | value] : [major | ONE_BYTE, value];
}
