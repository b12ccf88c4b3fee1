/**
 * How much of a log is read per turn of the event loop, and how much is decoded to judge a tail
 * whose bytes an attacker chose.
 */
import { mkdirSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeFrame } from '../../../src/adapter/wal/frame.js';
import { IndexedWal, openWal } from '../../../src/adapter/wal/index.js';
import { mapLimited } from '../../../src/adapter/wal/io.js';
import { scanLog } from '../../../src/adapter/wal/scan.js';
import { outlineLog, SegmentReader, streamLog } from '../../../src/adapter/wal/stream.js';
import {
  autobahn,
  HASH_BYTES,
  headerHash,
  payloadHash,
  publicKeyOf,
  signBlock,
} from '../../../src/model/autobahn/index.js';
import { refused } from '../../support/faults.js';
import { inTemp } from '../../support/temp.js';
import { numberedCodec } from './text-log.js';
import { counting, type TurnCount } from './turn-count.js';
import { WatchedFiles } from './watched-files.js';

const test = suite('wal: turns of the event loop');
const MIB = 1024 * 1024;

/** Twice the limit: a turn of the reader may begin between two counts, so two may count as one. */
const ENTRIES_A_TURN_MAX = 2 * 300;
const BYTES_A_TURN_MAX = 2 * MIB;
const ENTRIES = 5000;

const frame = (number: number, letters = 'abc') => encodeFrame(Buffer.from(`#${number}:${letters};`));

/** A log of small entries in one or two segments. */
function putSmall(directory: string, segments: 1 | 2 = 1): void {
  mkdirSync(directory, { recursive: true });
  for (let segment = 0; segment < segments; segment++) {
    const first = segment * ENTRIES + 1;
    const frames = Array.from({ length: ENTRIES }, (_, i) => frame(first + i));
    writeFileSync(join(directory, String(first).padStart(20, '0')), Buffer.concat(frames));
  }
}

function assertDivided({ entries, entriesMax, bytesMax }: TurnCount, read = ENTRIES): void {
  assert.ok(entries >= read, `${entries} entries were read`);
  assert.ok(entriesMax <= ENTRIES_A_TURN_MAX, `${entriesMax} entries in one turn`);
  assert.ok(bytesMax <= BYTES_A_TURN_MAX, `${bytesMax} bytes in one turn`);
}

test(
  'opening a log of many small entries',
  inTemp(async (dir) => {
    putSmall(join(dir, 'log'));
    const options = { tornDirectory: join(dir, 'torn'), files: new WatchedFiles() };
    const count = await counting(async (to) => {
      const log = await IndexedWal.open(join(dir, 'log'), to.codec(numberedCodec), options);
      await log.close();
    });
    assertDivided(count);
  }),
);

test(
  'opening a log of large entries',
  inTemp(async (dir) => {
    mkdirSync(join(dir, 'log'));
    const letters = 'x'.repeat(100_000);
    const frames = Array.from({ length: 120 }, (_, i) => frame(i + 1, letters));
    writeFileSync(join(dir, 'log', '1'.padStart(20, '0')), Buffer.concat(frames));
    const options = { tornDirectory: join(dir, 'torn'), files: new WatchedFiles() };
    const count = await counting(async (to) => {
      const log = await IndexedWal.open(join(dir, 'log'), to.codec(numberedCodec), options);
      await log.close();
    });
    assertDivided(count, 120);
    assert.ok(count.bytesMax <= 2 * MIB + 4 * letters.length, `${count.bytesMax} bytes in one turn`);
  }),
);

test(
  'eight logs at a time share a turn',
  inTemp(async (dir) => {
    const logs = Array.from({ length: 8 }, (_, i) => join(dir, String(i)));
    for (const log of logs) putSmall(log);
    const count = await counting((to) =>
      mapLimited(logs, logs.length, (log) => scanLog(log, to.codec(numberedCodec), { directory: '' })),
    );
    assertDivided(count, 8 * ENTRIES);
  }),
);

test(
  'a truncation inside of a full segment on a running node',
  inTemp(async (dir) => {
    putSmall(join(dir, 'log'), 2);
    const options = { tornDirectory: join(dir, 'torn'), files: new WatchedFiles() };
    let log: IndexedWal<string> | undefined;
    const count = await counting(async (to) => {
      log = await IndexedWal.open(join(dir, 'log'), to.codec(numberedCodec), options);
      await log.truncateBefore(2500n);
    });
    assert.is(log?.firstIndex, 2500n);
    await log?.close();
    assertDivided(count, 3 * ENTRIES);
  }),
);

test(
  'a log that is read entry by entry, for an import',
  inTemp(async (dir) => {
    putSmall(join(dir, 'log'));
    const reader = new SegmentReader();
    const outline = await outlineLog(join(dir, 'log'), { directory: '' }, reader);
    const count = await counting(async (to) => {
      for await (const _ of streamLog(outline, to.codec(numberedCodec), reader, () => assert.unreachable()));
    });
    assertDivided(count);
  }),
);

/**
 * Bytes in which every fourth offset has the length prefix and the first byte of an entry of
 * `length` bytes.
 */
function looksLikeEntries(size: number, length: number, firstByte: number): Buffer {
  const unit = Buffer.from([(length & 127) | 128, ((length >> 7) & 127) | 128, length >> 14, firstByte]);
  return Buffer.alloc(size, unit);
}

test(
  'a torn tail full of possible entries: the number of decoded bytes does not grow with their number',
  inTemp(async (dir) => {
    const tail = looksLikeEntries(1.2 * MIB, 0.6 * MIB, '#'.charCodeAt(0));
    mkdirSync(join(dir, 'log'));
    const whole = Buffer.concat([frame(1), encodeFrame(Buffer.concat([Buffer.from('#2:'), tail]))]);
    writeFileSync(join(dir, 'log', '1'.padStart(20, '0')), whole.subarray(0, -100));
    const options = { tornDirectory: join(dir, 'torn'), files: new WatchedFiles() };
    // Undecoded bytes cost no time, so the bytes are counted.
    const codec = {
      ...numberedCodec,
      decode(bytes: Uint8Array): string {
        if (bytes.length > 100) throw new Error('too long');
        return numberedCodec.decode(bytes);
      },
    };
    const count = await counting(async (to) => {
      const error = await refused(IndexedWal.open(join(dir, 'log'), to.codec(codec), options), 'LANESTORE_CORRUPT');
      assert.match(error.message, /too many bytes look like entries/);
    });
    assert.ok(count.bytes <= 256 * MIB + 1024 * whole.length, `${count.bytes} bytes decoded`);
    assert.ok(count.bytesMax <= 2 * MIB + 2 * 0.6 * MIB, `${count.bytesMax} bytes in one turn`);
    assert.ok(count.entriesMax <= ENTRIES_A_TURN_MAX, `${count.entriesMax} entries in one turn`);
  }),
);

test(
  'a torn tail full of possible entries of a few bytes each',
  inTemp(async (dir) => {
    const tail = Buffer.alloc(2 * MIB, Buffer.from([2, '#'.charCodeAt(0)]));
    mkdirSync(join(dir, 'log'));
    const whole = Buffer.concat([frame(1), encodeFrame(Buffer.concat([Buffer.from('#2:'), tail]))]);
    writeFileSync(join(dir, 'log', '1'.padStart(20, '0')), whole.subarray(0, -100));
    const options = { tornDirectory: join(dir, 'torn'), files: new WatchedFiles() };
    const count = await counting((to) =>
      refused(IndexedWal.open(join(dir, 'log'), to.codec(numberedCodec), options), 'LANESTORE_CORRUPT'),
    );
    assert.ok(count.entriesMax <= ENTRIES_A_TURN_MAX, `${count.entriesMax} entries in one turn`);
  }),
);

const secret = new Uint8Array(32).fill(1);
const lane = publicKeyOf(secret);

function blockOf(blockNumber: bigint, parentHash: Uint8Array, txs: Uint8Array[]) {
  const payload = { createdAt: { seconds: 0n, nanos: 0 }, totalGas: 0n, edgeCount: 0n, basefee: 0n, txs };
  return signBlock(secret, { header: { lane, blockNumber, parentHash, payloadHash: payloadHash(payload) }, payload });
}

test(
  'a block that a crash cut is a torn tail, although its transactions look like entries at every fourth byte',
  inTemp(async (dir) => {
    const first = blockOf(0n, new Uint8Array(HASH_BYTES), []);
    const tx = looksLikeEntries(1.9 * MIB, 0.9 * MIB, 0x0a);
    const second = blockOf(1n, headerHash(first.block.header), [tx]);
    const files = new WatchedFiles();
    const store = await openWal(dir, { model: autobahn, files });
    await store.persist({ blocks: [first, second] });
    await store.close();
    const [directory] = readdirSync(join(dir, 'blocks'));
    const segment = join(dir, 'blocks', directory!, '1'.padStart(20, '0'));
    truncateSync(segment, statSync(segment).size - 100);
    let decoded = 0;
    const { block } = autobahn;
    const fromWire = (bytes: Uint8Array) => {
      decoded += bytes.length;
      return block.fromWire(bytes);
    };
    await using again = await openWal(dir, { model: { ...autobahn, block: { ...block, fromWire } }, files });
    assert.equal(again.takeRecovered().blocks.get(autobahn.block.lane(first)), [first]);
    assert.match(again.notes.join(), /cut a torn tail/);
    assert.ok(decoded <= 4 * MIB, `${decoded} bytes decoded`);
  }),
);

test.run();
