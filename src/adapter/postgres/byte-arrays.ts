/**
 * Encodes a list of byte strings as one binary parameter of type bytea[], in one buffer.
 *
 * ```
 *   offset  bytes
 *        0      4  dimensions: 1, or 0 for an empty list, which ends after byte 12
 *        4      4  0: no item is NULL
 *        8      4  17: the type bytea
 *       12      4  number of items
 *       16      4  1: index of the first item
 *       20         items: length (4), bytes
 * ```
 */
const HEAD_BYTES = 20;
const EMPTY_BYTES = 12;
const BYTEA = 17;

/** The parameter. Its buffer is a copy of the items. */
export function byteArrays(items: readonly Uint8Array[]): Buffer {
  const isEmpty = items.length === 0;
  let bytes = isEmpty ? EMPTY_BYTES : HEAD_BYTES;
  for (const item of items) bytes += 4 + item.length;
  const encoded = Buffer.allocUnsafe(bytes);
  encoded.writeInt32BE(isEmpty ? 0 : 1, 0);
  encoded.writeInt32BE(0, 4);
  encoded.writeInt32BE(BYTEA, 8);
  if (isEmpty) return encoded;
  encoded.writeInt32BE(items.length, 12);
  encoded.writeInt32BE(1, 16);
  let offset = HEAD_BYTES;
  for (const item of items) {
    offset = encoded.writeInt32BE(item.length, offset);
    encoded.set(item, offset);
    offset += item.length;
  }
  return encoded;
}
