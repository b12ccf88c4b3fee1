/**
 * Checks the outermost fields of a possible message. This detects most byte strings that are not a
 * message, in constant time.
 */
import type { Message } from './message.js';
import { VARINT } from './wire.js';

/**
 * Upper bound of the fields that are checked. A block has two fields, a QC one for each signature.
 */
const FIELDS_MAX = 16;

/** Upper bound of the size of a field's length, in bytes. */
const LENGTH_BYTES_MAX = 5;
const NUMBER_BYTES_MAX = 10;

/**
 * False only if `bytes` are not the canonical encoding of a message of `kind`: a field is
 * unexpected or out of order, a field ends beyond the bytes, or a required field is missing. True
 * proves nothing. Reads a few bytes of each of the first fields.
 */
export function isShaped<T extends object>({ rows }: Message<T>, bytes: Uint8Array): boolean {
  let at = 0;
  let next = 0;
  for (let fields = 0; fields < FIELDS_MAX && at < bytes.length; fields++) {
    const row = rows.findIndex(({ tag }, i) => i >= next && tag === bytes[at]);
    if (row === -1 || rows.slice(next, row).some(({ presence }) => presence === 'required')) return false;
    const { kind, presence } = rows[row]!;
    const content = readVarint(bytes, at + 1, kind.wire === VARINT ? NUMBER_BYTES_MAX : LENGTH_BYTES_MAX);
    if (content === undefined) return false;
    at = content.end + (kind.wire === VARINT ? 0 : content.value);
    if (at > bytes.length) return false;
    next = presence === 'repeated' ? row : row + 1;
  }
  return at < bytes.length || !rows.slice(next).some(({ presence }) => presence === 'required');
}

function readVarint(bytes: Uint8Array, from: number, bytesMax: number): { value: number; end: number } | undefined {
  let value = 0;
  let scale = 1;
  for (let at = from; at < from + bytesMax; scale *= 128) {
    const byte = bytes[at++];
    if (byte === undefined) return undefined;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, end: at };
  }
  return undefined;
}
