/**
 * LevelDB's log format, written and read here without the store's own reader. From LevelDB's
 * doc/log_format.md: a file consists of blocks of 32 KiB; a record never begins within the last 6
 * bytes of a block (they are zero):
 *
 *    crc (u32 LE, masked CRC-32C of type and data) | length (u16 LE) | type (1 byte) | data
 *
 * Types: 1 full, 2 first, 3 middle, 4 last. A batch in it: sequence (u64 LE) | count (u32 LE) | for
 * each put 0x01, varint length, key, varint length, value; for each delete 0x00, varint length,
 * key.
 */
import { crc32c } from './crc32c.js';

export const BLOCK_BYTES = 32768;
export const HEADER_BYTES = 7;

/** Type of a whole record. */
export const FULL = 1;

/** A record with a valid checksum. */
export function logRecord(type: number, data: Uint8Array): Buffer {
  const head = Buffer.alloc(HEADER_BYTES);
  const crc = crc32c(data, crc32c(Uint8Array.of(type)));
  head.writeUInt32LE((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0, 0);
  head.writeUInt16LE(data.length, 4);
  head[6] = type;
  return Buffer.concat([head, data]);
}

/** A whole payload as the records that LevelDB would write at this offset of a file. */
export function logRecords(offset: number, payload: Uint8Array): Buffer {
  const parts: Buffer[] = [];
  let [at, left, begun] = [offset, payload, false];
  do {
    const room = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (room < HEADER_BYTES) {
      parts.push(Buffer.alloc(room));
      at += room;
      continue;
    }
    const data = left.subarray(0, room - HEADER_BYTES);
    left = left.subarray(data.length);
    const type = begun ? (left.length > 0 ? 3 : 4) : left.length > 0 ? 2 : FULL;
    parts.push(logRecord(type, data));
    at += HEADER_BYTES + data.length;
    begun = true;
  } while (left.length > 0);
  return Buffer.concat(parts);
}

/** The offset of the next record after `length` bytes of a log. */
export function recordStart(length: number): number {
  const room = BLOCK_BYTES - (length % BLOCK_BYTES);
  return room < HEADER_BYTES ? length + room : length;
}

/** A put of a batch. */
export interface BatchPut {
  readonly key: string;
  readonly value: Uint8Array;
}

/** A batch of puts. */
export function batchOf(sequence: number, puts: readonly BatchPut[]): Buffer {
  const head = Buffer.alloc(12);
  head.writeBigUInt64LE(BigInt(sequence), 0);
  head.writeUInt32LE(puts.length, 8);
  const parts = puts.flatMap(({ key, value }) => [Uint8Array.of(1), sized(Buffer.from(key)), sized(value)]);
  return Buffer.concat([head, ...parts]);
}

/**
 * Beginning and end of each record of a log; the last one may be cut off by the end of the file.
 */
export function recordsOf(log: Uint8Array): { readonly at: number; readonly end: number; readonly type: number }[] {
  const bytes = Buffer.from(log.buffer, log.byteOffset, log.byteLength);
  const records: { at: number; end: number; type: number }[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length; ) {
    const room = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (room < HEADER_BYTES) {
      at += room;
      continue;
    }
    const end = at + HEADER_BYTES + bytes.readUInt16LE(at + 4);
    records.push({ at, end, type: bytes[at + 6] ?? 0 });
    at = end;
  }
  return records;
}

function sized(bytes: Uint8Array): Buffer {
  const size: number[] = [];
  let left = bytes.length;
  for (; left > 127; left = Math.floor(left / 128)) size.push((left % 128) + 128);
  return Buffer.concat([Buffer.from([...size, left]), bytes]);
}
