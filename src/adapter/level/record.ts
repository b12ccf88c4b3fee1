/**
 * Records: the values of the store (format 1, design.md section 4). Each is ONE well-formed CBOR item, which any CBOR tool decodes:
 *
 *      offset  0    1    2                  n-5  n-4          n
 *              83   01   body ............   1a   crc (4 bytes, big-endian)
 *              |    |    |                   |
 *              |    |    |                   unsigned integer in 4 bytes, always this form
 *              |    |    one CBOR item
 *              |    record version 1
 *              array of 3
 *
 * crc is CRC-32 (IEEE) over the bytes of the key, then those of the body. It binds the body to its key, and since its place and
 * form are fixed it can be checked before a CBOR decoder sees a byte that rot may have chosen.
 */
import { crc32 } from 'node:zlib';
import { Decoder } from 'cbor-x';
import type { EntryCodec } from '../../model/model.js';
import { CborWriter } from './cbor-writer.js';

/** The record version that this code writes. */
export const RECORD_VERSION = 1;

const ARRAY_OF_3 = 0x83;
const UINT32 = 0x1a;
const HEAD_BYTES = 2;
const TAIL_BYTES = 5;

/** Plain CBOR: maps become objects. */
const decoder = new Decoder({ useRecords: false, tagUint8Array: false, variableMapSize: true });
const writer = new CborWriter();

/** An encoded record. */
export interface EncodedRecord {
  readonly bytes: Uint8Array;
  readonly crc: number;
}

/** A decoded record; byte strings in `body` are plain `Uint8Array`s that share memory with the value. */
export interface DecodedRecord {
  readonly body: unknown;
  readonly crc: number;
}

/** Why a value is not the record that it should be. */
export interface RecordFault {
  readonly kind: 'record-shape' | 'record-version' | 'record-crc' | 'record-cbor';
  readonly detail: string;
}

/** Encodes `body` as the record of `key`; it shares no memory with `body`. @throws TypeError for a body that is not plain. */
export function encodeRecord(key: string, body: unknown): EncodedRecord {
  beginRecord();
  writer.value(body);
  return endRecord(key);
}

/** Encodes an entry as the record of `key`, by the model's own writer if it has one. @throws as {@link encodeRecord}. */
export function encodeEntry<T>(key: string, codec: EntryCodec<T>, entry: T): EncodedRecord {
  beginRecord();
  if (codec.writeBody === undefined) writer.value(codec.toBody(entry));
  else codec.writeBody(writer, entry);
  return endRecord(key);
}

function beginRecord(): void {
  writer.begin();
  writer.array(3);
  writer.number(RECORD_VERSION);
}

function endRecord(key: string): EncodedRecord {
  const crc = crc32(writer.written(HEAD_BYTES), crc32(key));
  writer.uint32(crc);
  return { bytes: writer.end(), crc };
}

/** Decodes the record of `key`, or says what is wrong with it. Never throws. */
export function decodeRecord(key: string, value: Uint8Array): DecodedRecord | RecordFault {
  const { length } = value;
  const end = length - TAIL_BYTES;
  if (end <= HEAD_BYTES || value[0] !== ARRAY_OF_3 || value[end] !== UINT32) {
    return { kind: 'record-shape', detail: `the value of ${length} bytes is not a record` };
  }
  if (value[1] !== RECORD_VERSION) {
    return { kind: 'record-version', detail: `record version ${value[1]} is not known, only ${RECORD_VERSION}` };
  }
  // A plain view: decoding a Buffer would hand out Buffers.
  const body = new Uint8Array(value.buffer, value.byteOffset + HEAD_BYTES, end - HEAD_BYTES);
  const stored = uint32At(value, end + 1);
  const actual = crc32(body, crc32(key));
  if (stored !== actual) {
    return { kind: 'record-crc', detail: `the record says crc ${hex32(stored)}, key and body have ${hex32(actual)}` };
  }
  try {
    return { body: decoder.decode(body), crc: actual };
  } catch (error) {
    return { kind: 'record-cbor', detail: `the body is not one CBOR item: ${(error as Error).message}` };
  }
}

/** Tells a fault from a decoded record. */
export function isFault(result: DecodedRecord | RecordFault): result is RecordFault {
  return 'kind' in result;
}

function uint32At(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, '0');
}
