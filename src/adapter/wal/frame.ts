/**
 * Entries in a segment: tidwall/wal's binary format. A segment is a plain sequence of entries.
 *
 *      offset  0              v                    v + length
 *              length         bytes ..............  next entry
 *              |              |
 *              |              the result of the model's toWire, at least one byte
 *              uvarint: 7 bits a byte, lowest first; the top bit is set if more bytes follow;
 *              v = 1 to 5 bytes
 *
 * There is no checksum and no stored index: an entry's index is the number in the segment's name
 * plus its position. The original reads a length of 0 as an empty entry. Entries written here are
 * never empty, so a length of 0 is damage: most often a file that grew before its data reached the
 * disk.
 */
import { LanestoreError } from '../../errors.js';

/**
 * The longest entry, in bytes: the original's repair treats a greater length as damage
 * (math.MaxInt32).
 */
export const ENTRY_BYTES_MAX = 2 ** 31 - 1;

const MORE = 0x80;
const SEVEN_BITS = 0x7f;
/** Bytes of the longest uvarint that encodes at most {@link ENTRY_BYTES_MAX}. */
export const LENGTH_BYTES_MAX = 5;

/**
 * The entry with its length before it, in new memory. This is the only copy that an append makes:
 * the caller may change its bytes afterwards, and one write call takes the whole frame.
 * @throws LANESTORE_INVALID if the entry is empty or too long.
 */
export function encodeFrame(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  if (length === 0 || length > ENTRY_BYTES_MAX) {
    throw new LanestoreError('LANESTORE_INVALID', `an entry has 1 to ${ENTRY_BYTES_MAX} bytes, this one ${length}`);
  }
  const head = lengthBytes(length);
  const frame = Buffer.allocUnsafeSlow(head + length);
  let rest = length;
  for (let at = 0; at < head - 1; at++, rest = Math.floor(rest / 128)) frame[at] = (rest & SEVEN_BITS) | MORE;
  frame[head - 1] = rest;
  frame.set(bytes, head);
  return frame;
}

/** Size of the uvarint that encodes `length`, in bytes. */
export function lengthBytes(length: number): number {
  let bytes = 1;
  for (let rest = length; rest > SEVEN_BITS; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

/**
 * The place of an entry: its length begins at `at`, its bytes at `start`; `end` is one past its
 * last byte, and may lie beyond the end of the file.
 */
export interface Frame {
  readonly at: number;
  readonly start: number;
  readonly end: number;
}

/**
 * The frame that begins at `at`. `cut`: the bytes end within its length. `wild`: no append writes
 * such a length. The caller must check that the entry is not empty and lies within the bytes.
 */
export function readFrame(bytes: Uint8Array, at: number): Frame | 'cut' | 'wild' {
  let length = 0;
  let scale = 1;
  for (let start = at; start < at + LENGTH_BYTES_MAX; scale *= 128) {
    const byte = bytes[start++];
    if (byte === undefined) return 'cut';
    length += (byte & SEVEN_BITS) * scale;
    if (byte < MORE) return length > ENTRY_BYTES_MAX ? 'wild' : { at, start, end: start + length };
  }
  return 'wild';
}
