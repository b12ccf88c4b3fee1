/** Released memory: an item that is still needed keeps its bytes, and free memory is reused. */
import { join } from 'node:path';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openDatabase } from '../../src/adapter/level/database.js';
import { Engine } from '../../src/adapter/level/engine.js';
import { EntryDelete, EntryPut } from '../../src/adapter/level/format/operation.js';
import { encodeBody } from '../../src/adapter/level/format/record.js';
import { openLevel } from '../../src/adapter/level/index.js';
import { releaseMemory } from '../../src/cbor/arenas.js';
import { CborWriter, LARGE_ARENA_BYTES } from '../../src/cbor/writer.js';
import { blockKeys } from '../../src/keys/entry-keys.js';
import { plain, plainBlock } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';

const test = suite('arenas');

const KIB = 1024;

/**
 * A byte string of `chunks`, as an element of two arrays: written in several writes, so that it
 * moves while it grows.
 */
function write(writer: CborWriter, chunks: readonly number[], fill: number, returns: boolean): Buffer {
  writer.begin(16, returns);
  writer.array(chunks.length);
  for (const length of chunks) writer.bytes(new Uint8Array(length).fill(fill));
  const { buffer, byteOffset, length } = writer.end(16, 5);
  const item = Buffer.from(buffer, byteOffset, length);
  item.fill(fill, 0, 16);
  item.fill(fill, item.length - 5);
  return item;
}

const chunks = fc.array(
  fc.oneof(fc.nat(300), fc.integer({ min: 7 * KIB, max: 9 * KIB }), fc.integer({ min: 0, max: 1500 * KIB })),
  { minLength: 1, maxLength: 4 },
);
const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('write' as const), chunks, returns: fc.boolean() }),
    fc.record({ kind: fc.constant('release' as const), at: fc.nat() }),
    fc.record({ kind: fc.constant('forget' as const), chunks }),
  ),
  { maxLength: 40 },
);

test('an item does not change until it is released, whatever is written, released or left unfinished meanwhile', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const writer = new CborWriter();
      const fresh = new CborWriter();
      const kept: { item: Buffer; copy: Buffer; returns: boolean }[] = [];
      for (const [i, step] of all.entries()) {
        if (step.kind === 'write') {
          const item = write(writer, step.chunks, i, step.returns);
          assert.is(Buffer.compare(item, write(fresh, step.chunks, i, false)), 0, `item ${i}`);
          kept.push({ item, copy: Buffer.from(item), returns: step.returns });
        } else if (step.kind === 'forget') {
          writer.begin(16, true);
          for (const length of step.chunks) writer.bytes(new Uint8Array(length).fill(0xee));
        } else if (kept.length > 0) {
          const [gone] = kept.splice(step.at % kept.length, 1);
          // A part of the item is enough: a record is a part of what was written.
          if (gone !== undefined) releaseMemory(gone.item.subarray(3));
        }
      }
      for (const { item, copy } of kept) assert.is(Buffer.compare(item, copy), 0);
    }),
    { seed: 20261124, numRuns: 60 },
  );
});

test('large released items are overwritten by the next ones; others never are', () => {
  const writer = new CborWriter();
  const first = Array.from({ length: 10 }, () => write(writer, [MIB_MINUS], 1, true));
  const memory = new Set(first.map(({ buffer }) => buffer));
  for (const item of first) releaseMemory(item);
  for (let round = 0; round < 20; round++) {
    const items = Array.from({ length: 10 }, () => write(writer, [MIB_MINUS], 2, true));
    for (const { buffer } of items) assert.ok(memory.has(buffer), `round ${round}`);
    for (const item of items) releaseMemory(item);
  }
  assert.not(memory.has(write(writer, [100], 3, true).buffer), 'a small one');
  assert.not(memory.has(write(writer, [MIB_MINUS], 3, false).buffer), 'an item that is not released');
  assert.not(memory.has(write(writer, [LARGE_ARENA_BYTES], 3, true).buffer), 'an item that is too large');
});

test('an item that is not released keeps its memory from being reused', () => {
  const writer = new CborWriter();
  const stays = write(writer, [MIB_MINUS], 1, true);
  const [second, third] = [write(writer, [MIB_MINUS], 2, true), write(writer, [MIB_MINUS], 3, true)];
  releaseMemory(second);
  releaseMemory(third);
  for (let i = 0; i < 40; i++) releaseMemory(write(writer, [MIB_MINUS], 4, true));
  assert.ok(stays.subarray(32, -5).every((byte) => byte === 1));
});

test('the memory that waits for reuse is bounded', () => {
  const writer = new CborWriter();
  const burst = Array.from({ length: 64 }, () => write(writer, [MIB_MINUS], 1, true));
  const before = new Set(burst.map(({ buffer }) => buffer));
  assert.ok(before.size > 16);
  for (const item of burst) releaseMemory(item);
  const again = Array.from({ length: 64 }, () => write(writer, [MIB_MINUS], 2, true));
  const reused = new Set(again.map(({ buffer }) => buffer).filter((buffer) => before.has(buffer)));
  assert.ok(reused.size >= 8 && reused.size <= 9, `${reused.size} of ${before.size} arenas`);
});

test(
  'LevelDB copies keys and values of a batch: their memory may be overwritten once the call returns',
  inTemp(async (dir) => {
    const db = await openDatabase(join(dir, 'level'), {}, true);
    const engine = new Engine(db, true);
    const keys = blockKeys('0a');
    const put = (i: number) =>
      new EntryPut(
        keys,
        900n + BigInt(i),
        encodeBody(plain.block, plainBlock('0a', 900 + i, new Uint8Array(i * 37).fill(i))),
      );
    const puts = Array.from({ length: 200 }, (_, i) => put(i));
    // Half of the given entries have not been asked for their record yet.
    const records = puts.map((record, i) => Buffer.from((i % 2 === 0 ? record : put(i)).value));
    const gone = puts.filter((_, i) => i % 3 === 0);
    const written = engine.write([...puts, ...gone.map(({ number }) => new EntryDelete(keys, number))]);
    for (const { value } of puts) value.fill(0xee);
    keys.bytes(7n);
    await written;
    for (const [i, { key }] of puts.entries()) {
      const found = await engine.get(key);
      if (i % 3 === 0) assert.is(found, undefined, key);
      else assert.is(Buffer.compare(found!, records[i]!), 0, key);
    }
    await db.close();
  }),
);

for (const [where, values] of [
  ['in LevelDB', false],
  ['in value files and in LevelDB', true],
] as const) {
  test(
    `rounds in flight and later rounds do not overwrite each other: ${where}`,
    inTemp(async (dir) => {
      const location = join(dir, 'store');
      const payload = (lane: number, number: number) =>
        new Uint8Array([200, 9 * KIB, 70 * KIB][(lane + number) % 3]!).fill(lane * 40 + number + 1);
      const lanes = ['0a', '0b', '0c'];
      const store = await openLevel(location, { model: plain, values });
      for (let number = 0; number < 24; number += 4) {
        const rounds = [0, 1, 2, 3].map((i) =>
          store.persist({ blocks: lanes.map((id, lane) => plainBlock(id, number + i, payload(lane, number + i))) }),
        );
        await Promise.all(rounds);
      }
      await store.close();
      const again = await openLevel(location, { model: plain, values });
      const { blocks } = again.takeRecovered();
      await again.close();
      for (const [lane, id] of lanes.entries()) {
        const held = blocks.get(id) ?? [];
        assert.is(held.length, 24);
        for (const [number, block] of held.entries())
          assert.equal(block, plainBlock(id, number, payload(lane, number)));
      }
    }),
  );
}

/** Sized so that three of them, with their ends, fit into an arena. */
const MIB_MINUS = 1024 * KIB;

test.run();
