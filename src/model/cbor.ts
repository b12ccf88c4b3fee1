/**
 * Pieces of CBOR (RFC 8949) that never change: the heads and keys of a record's maps. Put together once, copied into each record.
 */

const BYTES = 0x40;
const TEXT = 0x60;
const ARRAY = 0x80;
const MAP = 0xa0;
/** From here on a head has a byte of its own for the number. */
const ONE_BYTE = 24;

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

function head(major: number, value: number): number[] {
  if (value > 0xff) throw new RangeError(`${value} is too much for a piece of CBOR`);
  return value < ONE_BYTE ? [major | value] : [major | ONE_BYTE, value];
}
