/**
 * Snappy's raw format (format_description.txt of google/snappy), the compression of LevelDB's
 * blocks: the length of the data as a varint, then elements. The lower two bits of an element's
 * first byte, the tag, give its kind.
 *
 *   00  literal: length-1 in the upper 6 bits, then the bytes; the values 60..63 mean that length-1
 *       follows in 1..4 bytes, little-endian
 *   01  copy: length-4 in bits 2..4; offset in 11 bits, the highest in bits 5..7 of the tag, the
 *       rest in the next byte
 *   10  copy: length-1 in the upper 6 bits, offset in the next 2 bytes, little-endian
 *   11  copy: the same, offset in 4 bytes
 *
 * A copy repeats the output from `offset` bytes ago, and may overlap its own output.
 */
import { ByteReader } from './bytes.js';

/**
 * Upper bound of output bytes for an input byte: the densest element is a copy of 64 bytes, which
 * takes three bytes. A larger claimed length is refused before memory is allocated for it.
 */
const GROWTH_MAX = 22;

/** Decompresses `bytes`; undefined if they are not valid Snappy data. */
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

/** Bytes of the number after a tag. */
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
