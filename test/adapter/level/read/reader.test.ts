/**
 * Reading a running store: durable and verified entries, and always the state after a whole batch,
 * whatever is in flight.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeRecord } from '../../../../src/adapter/level/format/record.js';
import { type LevelStore, openLevel } from '../../../../src/adapter/level/index.js';
import { blockKey, commitQCKey, laneBytes } from '../../../../src/keys/index.js';
import { refused } from '../../../support/faults.js';
import { type HeldLevel, type HoldPoint, Ledger, onHeld, turns, writeRaw } from '../../../support/held-level.js';
import {
  type PlainAnchor,
  type PlainBlock,
  type PlainQC,
  plain,
  plainAnchor,
  plainBlock,
  plainBlocks,
  plainQC,
} from '../../../support/plain-model.js';

const test = suite('queue: reads');

type Store = LevelStore<PlainBlock, PlainQC, PlainAnchor>;

/** A store with blocks [3, 9) of lane 0a and CommitQCs [0, 4). */
async function filled(db: HeldLevel): Promise<Store> {
  const store = await openLevel({ db, model: plain });
  await store.persist({ blocks: plainBlocks('0a', 3, 9), commitQCs: [0, 1, 2, 3].map((i) => plainQC(i)) });
  return store;
}

async function all<T>(entries: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const entry of entries) found.push(entry);
  return found;
}

async function numbers(entries: AsyncIterable<PlainBlock>): Promise<bigint[]> {
  return (await all(entries)).map(({ number }) => number);
}

test(
  'single entries: entries in the store, and undefined below, above, or for an unknown lane',
  onHeld(async (db) => {
    const store = await filled(db);
    assert.equal(await store.block('0a', 3n), plainBlock('0a', 3));
    assert.equal(await store.block('0a', 8n), plainBlock('0a', 8));
    for (const number of [0n, 2n, 9n, 2n ** 64n - 1n])
      assert.is(await store.block('0a', number), undefined, `${number}`);
    assert.is(await store.block('0b', 3n), undefined);
    assert.equal(await store.commitQC(3n), plainQC(3));
    assert.is(await store.commitQC(4n), undefined);
    await refused(store.block('0a', 2n ** 64n), 'LANESTORE_INVALID');
    await refused(store.block('XY', 1n), 'LANESTORE_INVALID');
    await store.close();
  }),
);

test(
  'ranges: clamped to what the store holds, ascending, empty where nothing is',
  onHeld(async (db) => {
    const store = await filled(db);
    assert.equal(await numbers(store.readBlocks('0a')), [3n, 4n, 5n, 6n, 7n, 8n]);
    assert.equal(await numbers(store.readBlocks('0a', { from: 5n })), [5n, 6n, 7n, 8n]);
    assert.equal(await numbers(store.readBlocks('0a', { from: 1n, to: 5n })), [3n, 4n]);
    assert.equal(await numbers(store.readBlocks('0a', { from: 7n, to: 100n })), [7n, 8n]);
    assert.equal(await numbers(store.readBlocks('0a', { from: 9n })), []);
    assert.equal(await numbers(store.readBlocks('0a', { from: 6n, to: 4n })), []);
    assert.equal(await numbers(store.readBlocks('0b')), []);
    assert.equal(
      (await all(store.readCommitQCs({ from: 1n, to: 3n }))).map(({ index }) => index),
      [1n, 2n],
    );
    assert.equal(await all(store.readBlocks('0a', { from: 4n, to: 5n })), [plainBlock('0a', 4)]);
    await store.close();
  }),
);

test(
  'more entries than one iterator chunk are returned whole, and an abandoned iteration leaves nothing open',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain });
    await store.persist({ blocks: plainBlocks('0a', 0, 2500) });
    assert.is((await numbers(store.readBlocks('0a'))).length, 2500);
    for await (const block of store.readBlocks('0a')) if (block.number === 3n) break;
    await store.persist({ blocks: [plainBlock('0a', 2500)] });
    await store.close();
  }),
);

for (const point of ['before', 'after'] as HoldPoint[]) {
  test(
    `a truncation held ${point} it is written: single reads see either state, ranges wait and see it whole`,
    onHeld(async (db) => {
      const store = await filled(db);
      const ledger = new Ledger();
      db.hold(point);
      const round = { anchor: plainAnchor(2, { '0a': 6 }), blocks: [plainBlock('0a', 9)] };
      ledger.watch('round', store.persist(round));
      await db.held();
      const single = [3n, 5n, 6n, 9n].map((number) => store.block('0a', number));
      const qc = store.commitQC(0n);
      const range = numbers(store.readBlocks('0a'));
      const qcs = all(store.readCommitQCs());
      ledger.watch('range', range);
      assert.equal(await ledger.soFar(), [], 'a range is read between two batches');
      db.release();
      assert.equal(new Set(await ledger.all()), new Set(['round', 'range']));
      const [three, five, six, nine] = await Promise.all(single);
      assert.ok([undefined, 3n].includes(three?.number) && [undefined, 5n].includes(five?.number));
      assert.is(six?.number, 6n, 'it is held before and after');
      assert.is(nine, undefined, 'it was not durable when it was asked for');
      assert.ok([undefined, 0n].includes((await qc)?.index));
      assert.equal(await range, [6n, 7n, 8n, 9n]);
      assert.equal(
        (await qcs).map(({ index }) => index),
        [2n, 3n],
      );
      await store.close();
    }),
  );
}

test(
  'an iteration sees the store as of its start, whatever is truncated or dropped meanwhile',
  onHeld(async (db) => {
    const store = await filled(db);
    const reading = store.readBlocks('0a');
    const first = await reading.next();
    await store.persist({ anchor: plainAnchor(3, { '0a': 8 }), blocks: [plainBlock('0a', 9)] });
    await store.dropLanes(['0a']);
    assert.equal(first.value, plainBlock('0a', 3));
    assert.equal(await numbers(reading), [4n, 5n, 6n, 7n, 8n]);
    assert.equal(await numbers(store.readBlocks('0a')), []);
    await store.close();
  }),
);

test(
  'many concurrent reads on an idle store are all answered, at any point of a tick',
  onHeld(async (db) => {
    const store = await filled(db);
    const ledger = new Ledger();
    for (let i = 0; i < 12; i++) {
      const later = async () => {
        for (let hop = 0; hop < i; hop++) await undefined;
        return numbers(store.readBlocks('0a'));
      };
      ledger.watch(`${i}`, later());
      process.nextTick(() => ledger.watch(`tick ${i}`, later()));
    }
    assert.is((await ledger.soFar()).length, 24);
    await store.close();
  }),
);

test(
  'reads that each start when the previous one ends never hang',
  onHeld(async (db) => {
    const store = await filled(db);
    const ledger = new Ledger();
    const reader = async (hops: number) => {
      for (let i = 0; i < 20; i++) {
        await all(store.readCommitQCs({ to: 2n }));
        for (let hop = 0; hop < hops; hop++) await undefined;
      }
    };
    for (let hops = 0; hops < 8; hops++) ledger.watch(`${hops}`, reader(hops));
    await turns(300);
    assert.is(ledger.settled.length, 8);
    await store.close();
  }),
);

const QC_BODY = { index: 2n, starts: [] };

const DAMAGE: readonly (readonly [string, string, (value: Uint8Array) => Uint8Array | undefined, string])[] = [
  ['a flipped bit of a block', blockKey('0a', 5n), (value) => flip(value, value.length - 12), 'record-crc'],
  ['a block cut short', blockKey('0a', 5n), (value) => value.slice(0, 6), 'record-shape'],
  [
    'a block of another version',
    blockKey('0a', 5n),
    (value) => Uint8Array.from(value, (byte, i) => (i === 1 ? 9 : byte)),
    'record-version',
  ],
  ['a block that is missing', blockKey('0a', 5n), () => undefined, 'missing'],
  [
    'the block of another number',
    blockKey('0a', 5n),
    () => encodeRecord(blockKey('0a', 5n), { lane: laneBytes('0a'), number: 6n, data: new Uint8Array(1) }).bytes,
    'record-key',
  ],
  [
    'a block whose body is not valid',
    blockKey('0a', 5n),
    () => encodeRecord(blockKey('0a', 5n), 7).bytes,
    'record-body',
  ],
  ['a flipped bit of a CommitQC', commitQCKey(1n), (value) => flip(value, value.length - 1), 'record-crc'],
  ['the CommitQC of another index', commitQCKey(1n), () => encodeRecord(commitQCKey(1n), QC_BODY).bytes, 'record-key'],
  ['a CommitQC that is missing', commitQCKey(1n), () => undefined, 'missing'],
];

function flip(value: Uint8Array, at: number): Uint8Array {
  return Uint8Array.from(value, (byte, i) => (i === at ? byte ^ 4 : byte));
}

for (const [what, key, damage, kind] of DAMAGE) {
  test(
    `${what} is LANESTORE_CORRUPT when read, alone or in a range; its neighbours and the store stay usable`,
    onHeld(async (db) => {
      const store = await filled(db);
      const value = damage((await db.content()).get(key)!);
      await writeRaw(db, [{ type: value === undefined ? 'del' : 'put', key, value }]);
      const isBlock = key.startsWith('lane/');
      const single = isBlock ? store.block('0a', 5n) : store.commitQC(1n);
      const error = await refused(single, 'LANESTORE_CORRUPT');
      const [finding] = error.findings ?? [];
      assert.equal([finding?.kind, finding?.key, finding?.number], [kind, key, isBlock ? 5n : 1n]);
      const range = isBlock ? all(store.readBlocks('0a')) : all(store.readCommitQCs());
      assert.is((await refused(range, 'LANESTORE_CORRUPT')).findings?.[0]?.kind, kind);
      assert.equal(await numbers(store.readBlocks('0a', { to: 5n })), [3n, 4n]);
      assert.equal(await store.block('0a', 6n), plainBlock('0a', 6));
      await store.persist({ blocks: [plainBlock('0a', 9)] });
      await store.close();
    }),
  );
}

test(
  'reads return plain Uint8Arrays, never a Buffer',
  onHeld(async (db) => {
    const store = await filled(db);
    assert.is((await store.block('0a', 4n))?.data.constructor, Uint8Array);
    for await (const { data } of store.readBlocks('0a')) assert.is(data.constructor, Uint8Array);
    await store.close();
    const again = await openLevel({ db, model: plain });
    for (const { data } of again.takeRecovered().blocks.get('0a') ?? []) assert.is(data.constructor, Uint8Array);
    await again.close();
  }),
);

test.run();
