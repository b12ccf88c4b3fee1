/**
 * Records in a file of a seiwal log, version 1:
 *
 *      offset  0                      6
 *              53 45 49 57 4c  01     record, record, ...
 *              "SEIWL"         version
 *
 *      record  index    length   payload ......   CRC-32
 *              uvarint  uvarint  length bytes     of all before it in the record, big-endian
 *
 * Indexes are u64 and ascend; a uvarint may be longer than necessary, up to 10 bytes.
 */
import { crc32 } from 'node:zlib';
import { U64_MAX } from '../../../keys/index.js';

const MAGIC = Buffer.from('SEIWL');
const VERSION = 1;

/** Bytes of the head of a file. */
export const HEAD_BYTES = MAGIC.length + 1;

const CRC_BYTES = 4;
const UVARINT_BYTES_MAX = 10;

/** A record in a file. */
export interface LogRecord {
  readonly index: bigint;
  /** Shares the file's memory. */
  readonly payload: Uint8Array;
  readonly at: number;
  /** One past its last byte. */
  readonly end: number;
}

/** Why the bytes are not a record: they end within it, or have another form. */
export interface NoRecord {
  readonly kind: 'entry-cut' | 'entry-crc';
  readonly problem: string;
}

/** The problem with the head of a file; undefined for a sound head. */
export function headProblem(bytes: Uint8Array): { readonly isVersion: boolean; readonly problem: string } | undefined {
  if (bytes.length < HEAD_BYTES) return { isVersion: false, problem: 'it is shorter than its head' };
  if (MAGIC.compare(bytes, 0, MAGIC.length) !== 0) return { isVersion: false, problem: 'it does not begin with SEIWL' };
  const version = bytes[MAGIC.length];
  if (version === VERSION) return undefined;
  return { isVersion: true, problem: `it has format version ${version}; only version ${VERSION} is read` };
}

/** The record that begins at `at`. */
export function readRecord(bytes: Buffer, at: number): LogRecord | NoRecord {
  const index = readUvarint(bytes, at);
  if (typeof index === 'string') return noRecord(index, 'the index of a record');
  const length = readUvarint(bytes, index.end);
  if (typeof length === 'string') return noRecord(length, 'the length of a record');
  if (length.value > BigInt(bytes.length - length.end - CRC_BYTES)) return noRecord('cut', 'a record or its checksum');
  const end = length.end + Number(length.value);
  if (bytes.readUInt32BE(end) !== crc32(bytes.subarray(at, end))) {
    return { kind: 'entry-crc', problem: 'the checksum of the record does not hold' };
  }
  return { index: index.value, payload: bytes.subarray(length.end, end), at, end: end + CRC_BYTES };
}

function noRecord(why: 'cut' | 'wild', what: string): NoRecord {
  if (why === 'cut') return { kind: 'entry-cut', problem: `the file ends within ${what}` };
  return { kind: 'entry-crc', problem: `${what} is no number of 64 bits` };
}

function readUvarint(bytes: Uint8Array, at: number): { value: bigint; end: number } | 'cut' | 'wild' {
  let value = 0n;
  for (let i = 0; i < UVARINT_BYTES_MAX; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) return 'cut';
    value |= BigInt(byte & 0x7f) << BigInt(7 * i);
    if (byte < 0x80) return value <= U64_MAX ? { value, end: at + i + 1 } : 'wild';
  }
  return 'wild';
}

/** The records of a file up to its first fault. */
export interface FileScan {
  readonly records: readonly LogRecord[];
  /** The end of the complete records. */
  readonly end: number;
  /** The reason why they end there; undefined at the end of the file. */
  readonly fault: NoRecord | undefined;
}

/**
 * Reads the records after the head. Indexes that do not ascend are a fault: a crash cannot cause
 * them.
 */
export function scanRecords(bytes: Buffer): FileScan {
  const records: LogRecord[] = [];
  let at = HEAD_BYTES;
  while (at < bytes.length) {
    const record = readRecord(bytes, at);
    if ('problem' in record) return { records, end: at, fault: record };
    const before = records.at(-1)?.index;
    if (before !== undefined && record.index <= before) {
      const problem = `its index ${record.index} does not come after ${before}`;
      return { records, end: at, fault: { kind: 'entry-crc', problem } };
    }
    records.push(record);
    at = record.end;
  }
  return { records, end: at, fault: undefined };
}

/** Bytes of a disk sector: a crash leaves whole sectors unwritten, as zeros. */
const SECTOR_BYTES = 512;
/** Upper bound of the bytes whose checksum is computed in a search. */
const SEARCH_BYTES_MAX = 256 * 1024 * 1024;

/**
 * The first complete record after a fault at `end`, with an index above `last`. Undefined if there
 * is none, or if a sector in between is empty: then the bytes after that sector were never synced.
 */
export function recordAfter(bytes: Buffer, end: number, last: bigint | undefined): LogRecord | undefined {
  let left = SEARCH_BYTES_MAX;
  for (let at = end + 1; at < bytes.length - CRC_BYTES && left > 0; at++) {
    const record = readRecord(bytes, at);
    if ('index' in record && (last === undefined || record.index > last)) {
      return hasEmptySector(bytes.subarray(0, at), end) ? undefined : record;
    }
    if (!('index' in record) && record.kind === 'entry-crc') left -= claimedBytes(bytes, at);
  }
  return undefined;
}

/** Bytes over which the checksum of the candidate at `at` was computed. */
function claimedBytes(bytes: Buffer, at: number): number {
  const index = readUvarint(bytes, at);
  const length = typeof index === 'string' ? index : readUvarint(bytes, index.end);
  return typeof length === 'string' ? 0 : Number(length.value);
}

function hasEmptySector(bytes: Buffer, from: number): boolean {
  const first = Math.ceil(from / SECTOR_BYTES) * SECTOR_BYTES;
  for (let at = first; at + SECTOR_BYTES <= bytes.length; at += SECTOR_BYTES) {
    if (bytes.subarray(at, at + SECTOR_BYTES).every((byte) => byte === 0)) return true;
  }
  return false;
}
