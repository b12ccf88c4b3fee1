/**
 * Pieces of CBOR (RFC 8949) that never change: the heads and keys of a record's maps. Put together once, copied into each record.
 */

const BYTES = 0x40;
const TEXT = 0x60;
const ARRAY = 0x80;
const MAP = 0xa0;
/** From here on a head has a byte of its own for the number. */
const ONE_BYTE = 24;
/** The head of a 64-bit integer that is not below zero. */
export const UINT64 = 0x1b;
/** The head of one that is below zero; -1 minus it follows. */
export const NEGATIVE64 = 0x3b;

/** At most so many copies of a template are made in one piece. */
export const COPIES_MAX = 32;

/** A part of a {@link Template}: bytes that stay, or a place of that many bytes that is filled in each time. */
export type Piece = readonly number[] | { readonly place: number };

/** The pieces, one after the other. */
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

/** The head of a byte string of `length` bytes, which follow. */
export function byteString(length: number): number[] {
  return head(BYTES, length);
}

/** A text. */
export function text(value: string): number[] {
  const utf8 = Buffer.from(value, 'utf8');
  return [...head(TEXT, utf8.length), ...utf8];
}

/**
 * A stretch of CBOR in which only some places change. Filling them in and copying the whole takes a fraction of writing it piece
 * by piece. What is filled in stays until it is filled in again.
 */
export class Template {
  readonly bytes: Uint8Array;
  /** By how many times the bytes stand in it. */
  readonly #copies: (Uint8Array | undefined)[] = [];
  /** Where the bytes are that stay. */
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

  /** The bytes so many times, kept: copying them all takes hardly longer than copying them once. @param count up to {@link COPIES_MAX} */
  copies(count: number): Uint8Array {
    this.#copies[count] ??= Uint8Array.from(
      new Array<Uint8Array>(count).fill(this.bytes).flatMap((bytes) => [...bytes]),
    );
    return this.#copies[count] as Uint8Array;
  }

  /** True if the bytes that stay stand in `bytes` from `at` on; what is in the places is not looked at. A loop, because a native call costs more. */
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

/** A stretch that is being put together, see compile.ts. */
export class Stretch {
  readonly #pieces: Piece[] = [];
  #hasBegun = false;
  length = 0;
  /** All of it, once it has ended. */
  template = NOTHING;
  bytes = NOTHING.bytes;

  add(piece: Piece): void {
    this.#pieces.push(piece);
    this.length += 'place' in piece ? piece.place : piece.length;
  }

  /** Itself, the first time. */
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
  if (value > 0xff) throw new RangeError(`${value} is too much for a piece of CBOR`);
  return value < ONE_BYTE ? [major | value] : [major | ONE_BYTE, value];
}
