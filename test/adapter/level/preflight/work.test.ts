/**
 * The cost of a damaged log, whatever bytes a peer put into its blocks: counted in bytes and
 * records, per turn of the event loop and in total.
 */
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { preflight } from '../../../../src/adapter/level/index.js';
import { FileReader } from '../../../../src/adapter/level/preflight/file.js';
import { findBehind, readLog } from '../../../../src/adapter/level/preflight/log-format.js';
import { diskReads, type FileReads } from '../../../../src/base/files.js';
import { BLOCK_BYTES, FULL, logRecord } from '../../../faults/log-format.js';
import { inTemp } from '../../../support/temp.js';
import { append, logOf } from './files.js';

const MIB = 1024 * 1024;

const test = suite('the cost of a damaged log');

/** Counts per turn of the event loop. */
class Meter {
  total = 0;
  /** The largest count of one turn. */
  most = 0;
  #inTurn = 0;
  #isRunning = true;

  constructor() {
    const turn = () => {
      this.#inTurn = 0;
      if (this.#isRunning) setImmediate(turn);
    };
    turn();
  }

  add(amount: number): void {
    this.total += amount;
    this.#inTurn += amount;
    this.most = Math.max(this.most, this.#inTurn);
  }

  stop(): void {
    this.#isRunning = false;
  }
}

/** Runs `use` with a port that counts the bytes read from files. */
async function countingReads(use: (reads: FileReads) => Promise<void>): Promise<Meter> {
  const meter = new Meter();
  const open: FileReads['open'] = async (path) => {
    const file = await diskReads.open(path);
    const read = async (into: Uint8Array, position: number) => {
      const bytes = await file.read(into, position);
      meter.add(bytes);
      return bytes;
    };
    return { bytes: file.bytes, read, close: () => file.close() };
  };
  try {
    await use({ open });
  } finally {
    meter.stop();
  }
  return meter;
}

/** Runs `use` and counts the bytes that Buffer.concat copies. */
async function countingCopies(use: () => Promise<void>): Promise<number> {
  const { concat } = Buffer;
  let bytes = 0;
  Buffer.concat = (...args) => {
    const result = concat(...args);
    bytes += result.length;
    return result;
  };
  try {
    await use();
  } finally {
    Buffer.concat = concat;
  }
  return bytes;
}

/** A closed store whose log is damaged after its first batches, and continues with these bytes. */
async function damagedStore(location: string, tail: Uint8Array): Promise<string> {
  await append(location, 0, 3);
  const log = join(location, logOf(location));
  const whole = readFileSync(log).length;
  truncateSync(log, whole - 10);
  appendFileSync(log, tail);
  return join(location, 'level');
}

/** A repeated pattern. */
function repeated(pattern: readonly number[], bytes: number): Buffer {
  return Buffer.alloc(bytes, Buffer.from(pattern));
}

/**
 * The most expensive patterns: a record may begin at each byte, or its beginning may be in two
 * parts, the second one large.
 */
const HOSTILE: readonly (readonly number[])[] = [
  [1],
  [1, 1, 0x7f],
  [9, 9, 9, 9, 5, 0, 2, 1, 2, 3, 4, 5, 9, 9, 9, 9, 0x00, 0x7d, 4],
];

for (const pattern of HOSTILE) {
  test(
    `12 MiB of ${pattern}: few bytes per turn, each byte read twice`,
    inTemp(async (dir) => {
      const level = await damagedStore(dir, repeated(pattern, 12 * MIB));
      const meter = await countingReads(async (reads) => {
        assert.is((await preflight(level, { reads })).torn, true);
      });
      assert.ok(meter.most <= MIB, `${meter.most} bytes in one turn`);
      assert.ok(meter.total > 24 * MIB && meter.total < 30 * MIB, `${meter.total} bytes in all`);
    }),
  );
}

test(
  'the parts of a split beginning are joined without copying the rest of the record',
  inTemp(async (dir) => {
    const level = await damagedStore(dir, repeated(HOSTILE[2]!, 2 * MIB));
    const copied = await countingCopies(async () => {
      assert.is((await preflight(level)).torn, true);
    });
    assert.ok(copied < MIB, `${copied} bytes were copied for a log of 2 MiB`);
  }),
);

test(
  'a log of the smallest records: some ten thousand per turn',
  inTemp(async (dir) => {
    const path = join(dir, 'log');
    const record = logRecord(FULL, new Uint8Array());
    const block = Buffer.alloc(BLOCK_BYTES);
    for (let at = 0; at + record.length <= BLOCK_BYTES; at += record.length) record.copy(block, at);
    writeFileSync(path, Buffer.concat(Array.from({ length: 64 }, () => block)));
    const meter = new Meter();
    const sink = { begin: () => meter.add(1), data: () => undefined, end: () => undefined };
    assert.is(await new FileReader().with(path, (file) => readLog(file, sink)), undefined);
    meter.stop();
    assert.is(meter.total, 64 * Math.floor(BLOCK_BYTES / record.length));
    assert.ok(meter.most <= 80_000, `${meter.most} records in one turn`);
  }),
);

test('the number of wasted checksums is bounded: after that, a possible beginning counts as a record', async () => {
  // A record of 257 bytes begins at each byte; none of them is whole.
  const bytes = Buffer.alloc(MIB, 1);
  const file = { size: bytes.length, read: async (from: number, to: number) => bytes.subarray(from, to) };
  const found = await findBehind(file, 0, { bytes: 1, fixed: { at: 0, bytes: new Uint8Array() }, accept: () => true });
  assert.ok(found !== undefined && found > 200_000 && found < 300_000, `${found}`);
});

test.run();
