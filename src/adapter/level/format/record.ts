/**
 * Records: the values of the store (format 1, docs/format.md, Records). Each is ONE well-formed
 * CBOR item, which any CBOR tool decodes:
 *
 *      offset  0    1    2                  n-5  n-4          n
 *              83   01   body ............   1a   crc (4 bytes, big-endian)
 *              |    |    |                   |
 *              |    |    |                   unsigned integer in 4 bytes, always this form
 *              |    |    one CBOR item
 *              |    record version 1
 *              array of 3
 *
 * crc is CRC-32 (IEEE) over the bytes of the key, then those of the body. It binds the body to its
 * key. Its place and form are fixed, so it is checked before a CBOR decoder reads any possibly
 * damaged byte.
 */
import { crc32 } from 'node:zlib';
import { Decoder } from 'cbor-x';
import { CborWriter } from '../../../cbor/writer.js';
import { bytesOfKey } from '../../../keys/entry-keys.js';
import { LANE_ID_BYTES_MAX, LANE_PREFIX, U64_DIGITS } from '../../../keys/index.js';
import type { EntryCodec } from '../../../model/model.js';

/** The record version that this code writes. */
export const RECORD_VERSION = 1;

const ARRAY_OF_3 = 0x83;
const UINT32 = 0x1a;
const HEAD_BYTES = 2;
const TAIL_BYTES = 5;
/** The longest key of the registry: a block's, with the longest lane. Keys are ASCII. */
const KEY_BYTES_MAX = LANE_PREFIX.length + 2 * LANE_ID_BYTES_MAX + 1 + U64_DIGITS;

/** Plain CBOR: maps are decoded as objects. */
const decoder = new Decoder({ useRecords: false, tagUint8Array: false, variableMapSize: true });
const writer = new CborWriter();

/** An encoded record. */
export interface EncodedRecord {
  readonly bytes: Uint8Array;
  readonly crc: number;
}

/**
 * A decoded record. Byte strings in `body` are plain `Uint8Array`s that share memory with the
 * value.
 */
export interface DecodedRecord {
  readonly body: unknown;
  readonly crc: number;
}

/** Why a value is not a valid record of its key. */
export interface RecordFault {
  readonly kind: 'record-shape' | 'record-version' | 'record-crc' | 'record-cbor';
  readonly detail: string;
}

/**
 * An encoded body, with room for the record's head and crc, and before them for the key.
 * {@link sealRecord} makes it a record once the key is known.
 */
export type EncodedBody = Uint8Array;

/**
 * Encodes `body` as the record of `key`; the result shares no memory with `body`.
 * @throws TypeError for a body that is not plain.
 */
export function encodeRecord(key: string, body: unknown): EncodedRecord {
  return writeRecord(key, (to) => to.value(body));
}

/**
 * Encodes the body of an entry. If the model has a writer, the writer checks the entry in the same
 * pass; otherwise the caller has checked it. The result shares no memory with the entry.
 * `releasedLate`: its memory may be released later than that of others, see
 * {@link CborWriter.begin}.
 * @throws the errors of the model's check; a TypeError for a body that is not plain.
 */
export function encodeBody<T>(codec: EntryCodec<T>, entry: T, releasedLate = false): EncodedBody {
  writer.begin(KEY_BYTES_MAX, releasedLate);
  if (codec.writeBody === undefined) writer.value(codec.toBody(entry));
  else codec.writeBody(writer, entry);
  return writer.end(HEAD_BYTES, TAIL_BYTES);
}

/** Encodes the record of `key` from the body that `write` writes. */
export function writeRecord(key: string, write: (to: CborWriter) => void): EncodedRecord {
  writer.begin(KEY_BYTES_MAX);
  write(writer);
  const bytes = writer.end(HEAD_BYTES, TAIL_BYTES);
  return { bytes, crc: sealRecord(bytesOfKey(key), bytes) };
}

/** A copy of the encoded body of a record. */
export function bodyOf({ bytes }: EncodedRecord): Uint8Array {
  return bytes.slice(HEAD_BYTES, -TAIL_BYTES);
}

/**
 * Completes an encoded body to the record of `key` in place, and returns its crc. Call it once. The
 * key is written directly before the body, so that one call computes the crc of both; a call costs
 * more than the bytes of a key. The record's head then overwrites the last two bytes of the key.
 */
export function sealRecord(key: Uint8Array, record: EncodedBody): number {
  if (key.length > KEY_BYTES_MAX) {
    throw new RangeError(`key ${Buffer.from(key).toString('latin1')} has more than ${KEY_BYTES_MAX} bytes`);
  }
  const body = record.length - HEAD_BYTES - TAIL_BYTES;
  const keyed = new Uint8Array(record.buffer, record.byteOffset + HEAD_BYTES - key.length, key.length + body);
  keyed.set(key);
  const crc = crc32(keyed);
  const tail = HEAD_BYTES + body;
  record[0] = ARRAY_OF_3;
  record[1] = RECORD_VERSION;
  record[tail] = UINT32;
  record[tail + 1] = crc >>> 24;
  record[tail + 2] = crc >>> 16;
  record[tail + 3] = crc >>> 8;
  record[tail + 4] = crc;
  return crc;
}

/**
 * A record whose crc matches. Its body is still encoded: a plain `Uint8Array` that shares memory
 * with the value.
 */
export interface OpenedRecord {
  readonly encoded: Uint8Array;
  readonly crc: number;
}

/** Checks the record of `key` and returns its encoded body, or its fault. Never throws. */
export function openRecord(key: string, value: Uint8Array): OpenedRecord | RecordFault {
  const { length } = value;
  const end = length - TAIL_BYTES;
  if (end <= HEAD_BYTES || value[0] !== ARRAY_OF_3 || value[end] !== UINT32) {
    return { kind: 'record-shape', detail: `the value of ${length} bytes is not a record` };
  }
  if (value[1] !== RECORD_VERSION) {
    return {
      kind: 'record-version',
      detail: `record version ${value[1]} is unknown, only ${RECORD_VERSION} is supported`,
    };
  }
  // A plain view: the decoder would return Buffers for a Buffer.
  const encoded = new Uint8Array(value.buffer, value.byteOffset + HEAD_BYTES, end - HEAD_BYTES);
  const stored = uint32At(value, end + 1);
  const crc = crc32(encoded, crc32(key));
  if (stored === crc) return { encoded, crc };
  return { kind: 'record-crc', detail: `the record says crc ${hex32(stored)}, but key and body have ${hex32(crc)}` };
}

/** Decodes the record of `key`, or returns its fault. Never throws. */
export function decodeRecord(key: string, value: Uint8Array): DecodedRecord | RecordFault {
  const record = openRecord(key, value);
  return isFault(record) ? record : decodeBody(record);
}

/** Decodes the body of a record. Never throws. */
export function decodeBody({ encoded, crc }: OpenedRecord): DecodedRecord | RecordFault {
  try {
    return { body: decoder.decode(encoded), crc };
  } catch (error) {
    return { kind: 'record-cbor', detail: `the body is not one CBOR item: ${(error as Error).message}` };
  }
}

/** True for a fault, false for a record. */
export function isFault(result: OpenedRecord | DecodedRecord | RecordFault): result is RecordFault {
  return 'kind' in result;
}

function uint32At(bytes: Uint8Array, at: number): number {
  const byte = (offset: number) => bytes[at + offset] as number;
  return ((byte(0) << 24) | (byte(1) << 16) | (byte(2) << 8) | byte(3)) >>> 0;
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, '0');
}
