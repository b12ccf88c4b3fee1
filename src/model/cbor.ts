/**
 * Pieces of CBOR (RFC 8949) that never change: the heads and keys of a record's maps. Put together once, copied into each record.
 */

const BYTES = 0x40;
const TEXT = 0x60;
const ARRAY = 0x80;
const MAP = 0xa0;
/** From here on a head has a byte of its own for the number. */
const ONE_BYTE = 24;
/** The heads of a 64-bit integer that is not below zero, and of one that is. */
const UINT64 = 0x1b;
const NEGATIVE64 = 0x3b;

/** A part of a {@link Template}: bytes that stay, or a place of that many bytes that is filled in each time. */
export type Piece = readonly number[] | { readonly place: number };

/** The pieces, one behind the other. */
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

/** A byte string of `length` bytes that is filled in. */
export function bytesPlace(length: number): Piece[] {
  return [byteString(length), { place: length }];
}

/** A 64-bit integer that is filled in, its head included. */
export const INTEGER_PLACE: Piece = { place: 9 };

/**
 * A stretch of CBOR in which only some places change. Filling them in and copying the whole takes a fraction of writing it piece
 * by piece. What is filled in stays until it is filled in again.
 */
export class Template {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #places: number[] = [];

  constructor(...pieces: readonly Piece[]) {
    const bytes: number[] = [];
    for (const piece of pieces) {
      if ('place' in piece) this.#places.push(bytes.length);
      bytes.push(...('place' in piece ? new Array<number>(piece.place).fill(0) : piece));
    }
    this.bytes = Uint8Array.from(bytes);
    this.#view = new DataView(this.bytes.buffer);
  }

  /** Where place `index` is. @throws RangeError if there are not so many. */
  at(index: number): number {
    const at = this.#places[index];
    if (at === undefined) throw new RangeError(`there is no place ${index}`);
    return at;
  }

  /** Fills in a 64-bit integer, which the caller has checked. */
  integer(at: number, value: bigint): void {
    const negative = value < 0n;
    this.bytes[at] = negative ? NEGATIVE64 : UINT64;
    this.#view.setBigUint64(at + 1, negative ? -1n - value : value);
  }
}

function head(major: number, value: number): number[] {
  if (value > 0xff) throw new RangeError(`${value} is too much for a piece of CBOR`);
  return value < ONE_BYTE ? [major | value] : [major | ONE_BYTE, value];
}
