/**
 * Snappy's raw format (format_description.txt of google/snappy), which LevelDB's compressed blocks have: a varint, the length of the
 * data, then elements by the lower two bits of their first byte, the tag.
 *
 *   00  literal: length-1 in the upper 6 bits; 60..63 there mean that it follows in 1..4 bytes, little-endian; then the bytes
 *   01  copy: length-4 in bits 2..4, offset in 11 bits: bits 5..7 of the tag are its highest, the next byte the rest
 *   10  copy: length-1 in the upper 6 bits, offset in the next 2 bytes, little-endian
 *   11  copy: the same, offset in 4 bytes
 *
 * A copy repeats what was put out `offset` bytes ago, and may run into what it is writing.
 */
import { ByteReader } from './bytes.js';

/** No element makes more of its bytes than a copy of 64 bytes in three; so a larger claim is false, and asks for no memory. */
const GROWTH_MAX = 22;

/** The data that `bytes` are the compressed form of; undefined if they are not. */
export function unsnappy(bytes: Uint8Array): Uint8Array | undefined {
  const reader = new ByteReader(bytes);
  const length = reader.varint();
  if (length === undefined || length > GROWTH_MAX * bytes.length) return undefined;
  const out = new Uint8Array(length);
  let done = 0;
  let at = reader.at;
  while (at < bytes.length) {
    const tag = bytes[at++]!;
    const more = extraBytes(tag);
    if (at + more > bytes.length) return undefined;
    const extra = littleEndian(bytes, at, more);
    at += more;
    if ((tag & 3) === 0) {
      const size = (tag >> 2 < 60 ? tag >> 2 : extra) + 1;
      if (at + size > bytes.length || done + size > length) return undefined;
      out.set(bytes.subarray(at, at + size), done);
      at += size;
      done += size;
    } else {
      const size = (tag & 3) === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
      const offset = (tag & 3) === 1 ? ((tag >> 5) << 8) | extra : extra;
      if (offset === 0 || offset > done || done + size > length) return undefined;
      for (const end = done + size; done < end; done++) out[done] = out[done - offset]!;
    }
  }
  return done === length ? out : undefined;
}

/** Bytes of the number that follows a tag. */
function extraBytes(tag: number): number {
  switch (tag & 3) {
    case 0:
      return tag >> 2 < 60 ? 0 : (tag >> 2) - 59;
    case 1:
      return 1;
    case 2:
      return 2;
    default:
      return 4;
  }
}

function littleEndian(bytes: Uint8Array, at: number, length: number): number {
  let value = 0;
  for (let i = length - 1; i >= 0; i--) value = value * 256 + bytes[at + i]!;
  return value;
}
