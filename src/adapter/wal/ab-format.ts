/**
 * The two encodings of an A/B file. Until 78c53ddf1 the original wrote `wrapper`, a protobuf
 * message:
 *
 *      offset  0    1            .    .            .
 *              08   seq          12   length       data ...... end of the file
 *                   uvarint           uvarint
 *
 * since then `crc`:
 *
 *      offset  0                    4                        12
 *              CRC-32C, big-endian  seq, little-endian u64   data ...... end of the file
 *              |
 *              over all that follows it
 *
 * seq counts writes, from 1. An empty file was never written. A wrapper is whole if it parses. A
 * wrapper without a data field also parses. No write produces it, so here it counts as torn. The
 * original accepts it, and so loses the anchor.
 */

import { crc32c } from '../../base/crc32c.js';
import { oneOf } from '../../base/options.js';

/** How an A/B file is encoded. */
export type ABEncoding = 'crc' | 'wrapper';

/** The option `encoding`. */
export const checkEncoding = oneOf<ABEncoding>('crc', 'wrapper');

/** The content of a whole A/B file. */
export interface ABContent {
  readonly encoding: ABEncoding;
  readonly seq: bigint;
  /** Shares memory with the file's bytes. */
  readonly data: Uint8Array;
}

const HEADER_BYTES = 12;
const SEQ_OFFSET = 4;
const TAG_SEQ = 0x08;
const TAG_DATA = 0x12;
const UVARINT_BYTES_MAX = 10;

/** Encodes a file. `seq` must be 1 or more. */
export function encodeAB(encoding: ABEncoding, seq: bigint, data: Uint8Array): Uint8Array {
  if (encoding === 'wrapper') {
    const head = [TAG_SEQ, ...uvarint(seq), TAG_DATA, ...uvarint(BigInt(data.length))];
    return Buffer.concat([Uint8Array.from(head), data]);
  }
  const file = Buffer.alloc(HEADER_BYTES + data.length);
  file.writeBigUInt64LE(seq, SEQ_OFFSET);
  file.set(data, HEADER_BYTES);
  file.writeUInt32BE(crc32c(file.subarray(SEQ_OFFSET)), 0);
  return file;
}

/**
 * Rewords a `problem` that {@link decodeAB} returned: a message about a checksum is wrong for a
 * `wrapper`, which has none. `encoding` is that of the pair's other file, if known.
 */
export function problemOf(file: Uint8Array, problem: string, encoding: ABEncoding | undefined): string {
  const isWrapper = encoding === undefined ? file[0] === TAG_SEQ : encoding === 'wrapper';
  return isWrapper ? 'its message does not parse' : problem;
}

/** Decodes either encoding. If the file is not whole, returns the reason as a text. */
export function decodeAB(file: Uint8Array): ABContent | string {
  return decodeCrc(file) ?? decodeWrapper(file) ?? (file.length < HEADER_BYTES ? 'truncated' : 'crc32 mismatch');
}

function decodeCrc(file: Uint8Array): ABContent | string | undefined {
  if (file.length < HEADER_BYTES) return undefined;
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  if (view.getUint32(0) !== crc32c(file.subarray(SEQ_OFFSET))) return undefined;
  const seq = view.getBigUint64(SEQ_OFFSET, true);
  return seq === 0n ? 'its seq is 0' : { encoding: 'crc', seq, data: file.subarray(HEADER_BYTES) };
}

function decodeWrapper(file: Uint8Array): ABContent | undefined {
  if (file[0] !== TAG_SEQ) return undefined;
  const seq = readUvarint(file, 1);
  if (seq === undefined || seq.value === 0n || file[seq.end] !== TAG_DATA) return undefined;
  const length = readUvarint(file, seq.end + 1);
  if (length === undefined || length.value !== BigInt(file.length - length.end)) return undefined;
  return { encoding: 'wrapper', seq: seq.value, data: file.subarray(length.end) };
}

function uvarint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return [...bytes, Number(rest)];
}

function readUvarint(bytes: Uint8Array, at: number): { value: bigint; end: number } | undefined {
  let value = 0n;
  for (let i = 0; i < UVARINT_BYTES_MAX; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return undefined;
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) return value < 1n << 64n ? { value, end: at + i + 1 } : undefined;
  }
  return undefined;
}
