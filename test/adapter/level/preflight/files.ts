/**
 * Stores for the tests of the preflight, and LevelDB's files of a closed store. The log records
 * here are written by code that shares nothing with the reader under test.
 */
import { cpSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { type LevelOptions, openLevel } from '../../../../src/adapter/level/index.js';
import { contentOf } from '../../../support/content.js';
import { plain, plainBlock } from '../../../support/plain-model.js';

/** The lane of these tests. */
export const LANE = '0a';

/** Opens a store of the plain model. */
export const open = (location: string, level: LevelOptions = {}) => openLevel(location, { model: plain, level });

/** Persists rounds [from, to) of one block each. Nothing is truncated, so every round matters. */
export async function append(
  location: string,
  from: number,
  to: number,
  dataOf: (number: number) => Uint8Array = dataFor,
): Promise<void> {
  await using store = await open(location);
  for (let i = from; i < to; i++) await store.persist({ blocks: [plainBlock(LANE, i, dataOf(i))] });
}

/** A payload of 900 bytes that identifies its block. */
export function dataFor(number: number): Uint8Array {
  return Buffer.alloc(900, `block ${number} `);
}

/** The content that an open recovers, as a text for comparison. */
export async function content(location: string): Promise<string> {
  await using store = await open(location);
  return contentOf(store);
}

/** Replaces the files at `to` with a copy of a closed store. */
export function copy(from: string, to: string): string {
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true });
  return to;
}

/**
 * Names of LevelDB's non-empty files with this prefix or suffix, ascending, relative to the
 * location.
 */
export function names(location: string, part: RegExp): string[] {
  return readdirSync(join(location, 'level'))
    .filter((name) => part.test(name) && statSync(join(location, 'level', name)).size > 0)
    .sort()
    .map((name) => `level/${name}`);
}

/** The name of the only log that is not empty. */
export function logOf(location: string): string {
  const logs = names(location, /\.log$/);
  assert.is(logs.length, 1, `one of ${logs}`);
  return logs[0]!;
}

/** The name of the MANIFEST that CURRENT names. */
export function manifestOf(location: string): string {
  return `level/${readFileSync(join(location, 'level/CURRENT'), 'latin1').trim()}`;
}

const BLOCK = 32768;
const HEADER = 7;

/** CRC-32C, one bit at a time. */
export function plainCrc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

/** LevelDB's masked checksum. */
export function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** A physical record. */
export function physical(type: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(HEADER);
  head.writeUInt32LE(masked(plainCrc32c(Buffer.concat([Buffer.from([type]), payload]))), 0);
  head.writeUInt16LE(payload.length, 4);
  head[6] = type;
  return Buffer.concat([head, payload]);
}

/** A log of these records, which starts at an offset within its first block. */
export function logBytes(records: readonly Uint8Array[], start = 0): Buffer {
  const parts: Buffer[] = [];
  let at = start;
  for (const record of records) {
    let left = record;
    for (let begin = true; begin || left.length > 0; begin = false) {
      const room = BLOCK - (at % BLOCK);
      if (room < HEADER) {
        parts.push(Buffer.alloc(room));
        at += room;
      }
      const fits = Math.min(left.length, BLOCK - (at % BLOCK) - HEADER);
      const end = fits === left.length;
      parts.push(physical(begin ? (end ? 1 : 2) : end ? 4 : 3, left.subarray(0, fits)));
      at += HEADER + fits;
      left = left.subarray(fits);
      if (end) break;
    }
  }
  return Buffer.concat(parts);
}

/** The records of an undamaged log, with their offsets. */
export function recordsOf(log: Uint8Array): { at: number; bytes: Buffer }[] {
  const bytes = Buffer.from(log);
  const records: { at: number; bytes: Buffer }[] = [];
  let parts: Buffer[] = [];
  let begin = 0;
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const room = BLOCK - (at % BLOCK);
    if (room < HEADER) {
      at += room;
      continue;
    }
    const end = at + HEADER + bytes.readUInt16LE(at + 4);
    const type = bytes[at + 6]!;
    if (type <= 2) {
      parts = [];
      begin = at;
    }
    parts.push(bytes.subarray(at + HEADER, end));
    if (type === 1 || type === 4) records.push({ at: begin, bytes: Buffer.concat(parts) });
    at = end;
  }
  return records;
}
