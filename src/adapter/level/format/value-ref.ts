/**
 * References: the records of separated values (record version 2, docs/format.md, Separated values).
 * A reference is ONE CBOR item, like every record:
 *
 *      offset  0    1    2    3          12         17         22         27         32
 *              83   02   84   1b file    1a offset  1a length  1a crc     1a crc     end
 *              |    |    |    (u64)      (u32)      (u32)      of the     of this
 *              |    |    array of 4                            value      record
 *              |    record version 2
 *              array of 3
 *
 * Numbers are big-endian and always in these forms. So a reference has 32 bytes, and its crc is
 * checked before any field is used. Its own crc covers the key, then the body, as in every record.
 * The value is the complete version-1 record of the same key, at `offset` of the value file `file`.
 * The reference repeats the crc at the end of that record. So bytes that belong to another key, or
 * to an earlier use of the space, are rejected.
 */
import { crc32 } from 'node:zlib';
import type { RecordFault } from './record.js';

/** The record version of a reference. */
export const REFERENCE_VERSION = 2;
/** Bytes of a reference's record. */
export const REFERENCE_BYTES = 32;
/** Upper bound of offsets and lengths in a value file. */
export const OFFSET_MAX = 0xffffffff;

/** The place of a separated value. */
export interface ValueRef {
  /** The number of the value file. */
  readonly file: bigint;
  /** Offset of the record in the file, in bytes. */
  readonly offset: number;
  /** Bytes of the version-1 record. */
  readonly length: number;
  /** The crc that ends that record. */
  readonly crc: number;
}

const ARRAY_OF_3 = 0x83;
const ARRAY_OF_4 = 0x84;
const UINT32 = 0x1a;
const UINT64 = 0x1b;
const BODY_OFFSET = 2;
const FILE_OFFSET = 4;
const OFFSET_OFFSET = 13;
const LENGTH_OFFSET = 18;
const CRC_OFFSET = 23;
const BODY_END = 27;
const OWN_CRC_OFFSET = 28;

/** Encodes the reference of `key` as a record. */
export function encodeReference(key: string, { file, offset, length, crc }: ValueRef): Uint8Array {
  const bytes = Buffer.allocUnsafe(REFERENCE_BYTES);
  bytes[0] = ARRAY_OF_3;
  bytes[1] = REFERENCE_VERSION;
  bytes[2] = ARRAY_OF_4;
  bytes[FILE_OFFSET - 1] = UINT64;
  bytes.writeBigUInt64BE(file, FILE_OFFSET);
  for (const at of [OFFSET_OFFSET, LENGTH_OFFSET, CRC_OFFSET, OWN_CRC_OFFSET]) bytes[at - 1] = UINT32;
  bytes.writeUInt32BE(offset, OFFSET_OFFSET);
  bytes.writeUInt32BE(length, LENGTH_OFFSET);
  bytes.writeUInt32BE(crc, CRC_OFFSET);
  bytes.writeUInt32BE(crcOf(key, bytes), OWN_CRC_OFFSET);
  return bytes;
}

/**
 * True if a stored value is a reference, valid or not: it must not be read as a record of version
 * 1.
 */
export function isReference(value: Uint8Array): boolean {
  return value[0] === ARRAY_OF_3 && value[1] === REFERENCE_VERSION;
}

/** Decodes the reference that is stored under `key`, or returns its fault. Never throws. */
export function decodeReference(key: string, value: Uint8Array): ValueRef | RecordFault {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (!hasForm(bytes)) {
    return { kind: 'record-shape', detail: `the value of ${bytes.length} bytes is not a valid reference` };
  }
  const stored = bytes.readUInt32BE(OWN_CRC_OFFSET);
  const actual = crcOf(key, bytes);
  if (stored !== actual) {
    const detail = `the reference says crc ${hex32(stored)}, but key and body have ${hex32(actual)}`;
    return { kind: 'record-crc', detail };
  }
  return {
    file: bytes.readBigUInt64BE(FILE_OFFSET),
    offset: bytes.readUInt32BE(OFFSET_OFFSET),
    length: bytes.readUInt32BE(LENGTH_OFFSET),
    crc: bytes.readUInt32BE(CRC_OFFSET),
  };
}

/** True if both references name the same bytes. */
export function sameReference(a: ValueRef, b: ValueRef): boolean {
  return a.file === b.file && a.offset === b.offset && a.length === b.length && a.crc === b.crc;
}

function hasForm(bytes: Buffer): boolean {
  if (bytes.length !== REFERENCE_BYTES || !isReference(bytes)) return false;
  if (bytes[BODY_OFFSET] !== ARRAY_OF_4 || bytes[FILE_OFFSET - 1] !== UINT64) return false;
  return [OFFSET_OFFSET, LENGTH_OFFSET, CRC_OFFSET, OWN_CRC_OFFSET].every((at) => bytes[at - 1] === UINT32);
}

function crcOf(key: string, bytes: Buffer): number {
  return crc32(bytes.subarray(BODY_OFFSET, BODY_END), crc32(key));
}

function hex32(value: number): string {
  return value.toString(16).padStart(8, '0');
}
