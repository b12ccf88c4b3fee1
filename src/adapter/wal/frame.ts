/**
 * Entries in a segment: tidwall/wal's binary format. A segment is nothing but entries, one behind the other.
 *
 *      offset  0              v                    v + length
 *              length         bytes ..............  next entry
 *              |              |
 *              |              what the model's toWire gives, at least one byte
 *              uvarint: 7 bits a byte, lowest first, the top bit says that more follow; v = 1 to 5 bytes
 *
 * No checksum, no index, no number: an entry's index is its position, counted on from the segment's name. The original would take
 * a length of 0 for an entry. Nothing that is written here has no bytes, so a 0 is damage: most often a file that grew before
 * its data reached the disk.
 */
import { LanestoreError } from '../../errors.js';

/** The longest entry, in bytes: the original's repair takes a greater length for damage (math.MaxInt32). */
export const ENTRY_BYTES_MAX = 2 ** 31 - 1;

const MORE = 0x80;
const SEVEN_BITS = 0x7f;
/** A length of at most {@link ENTRY_BYTES_MAX} takes no more bytes than this. */
export const LENGTH_BYTES_MAX = 5;

/**
 * The entry with its length before it, in memory of its own: the one copy that an append makes, so that the caller's bytes may
 * change afterwards and one write call takes it.
 * @throws LANESTORE_INVALID if it is empty or too long.
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

/** How many bytes the uvarint of `length` takes. */
export function lengthBytes(length: number): number {
  let bytes = 1;
  for (let rest = length; rest > SEVEN_BITS; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

/** Where an entry lies: its length begins at `at`, its bytes at `start`, and `end` is one past them, maybe beyond the file. */
export interface Frame {
  readonly at: number;
  readonly start: number;
  readonly end: number;
}

/**
 * The entry that begins at `at`. `cut`: the bytes end within its length. `wild`: a length that no append writes.
 * The caller checks that it is not empty and lies within the bytes.
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
