/**
 * Bad input: an error code or a TypeError, nothing stored, nothing lost, and the next good round is
 * accepted.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MemoryLevel } from 'memory-level';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LevelStore, openLevel } from '../../../src/adapter/level/index.js';
import { LanestoreError, type LanestoreErrorCode } from '../../../src/errors.js';
import { U64_MAX } from '../../../src/keys/index.js';
import type { Model } from '../../../src/model/model.js';
import { dump, refused, rejection } from '../../support/faults.js';
import { withTmpfs } from '../../support/faults-mount.js';
import {
  type PlainAnchor,
  type PlainBlock,
  type PlainQC,
  plain,
  plainAnchor,
  plainBlock,
  plainBlocks,
  plainQC,
} from '../../support/plain-model.js';
import { inTemp } from '../../support/temp.js';

type Store = LevelStore<PlainBlock, PlainQC, PlainAnchor>;

/**
 * The plain model, except that a block with the text "boom" cannot be encoded. The planner has
 * already accepted the block by then.
 */
const model: Model<PlainBlock, PlainQC, PlainAnchor> = {
  ...plain,
  block: {
    ...plain.block,
    toBody: (block) => {
      if (Buffer.from(block.data).toString() === 'boom') throw new LanestoreError('LANESTORE_INVALID', 'boom');
      return plain.block.toBody(block);
    },
  },
};

const MAX_ROUND = 10_000;

/**
 * Lane 0a [1, 3), lane 0b [5, 7), CommitQCs [1, 2), and an anchor at 1 at which lane 0c begins at
 * 4.
 */
async function openStore(location: string): Promise<Store> {
  const store = await openLevel(location, { model, maxRoundBytes: MAX_ROUND });
  if (store.seq > 0n) return store;
  const blocks = [...plainBlocks('0a', 0, 3), ...plainBlocks('0b', 5, 7)];
  await store.persist({ commitQCs: [plainQC(0), plainQC(1)], blocks, inner: new Uint8Array([1]) });
  await store.persist({ anchor: plainAnchor(1, { '0a': 1, '0c': 4 }) });
  return store;
}

/** Everything that a refused round must leave unchanged. */
async function stateOf(store: Store): Promise<object> {
  const read = async <T>(entries: AsyncIterable<T>) => {
    const list: T[] = [];
    for await (const entry of entries) list.push(entry);
    return list;
  };
  const lanes: unknown[] = [];
  for (const lane of store.cursors.lanes.keys()) lanes.push(await read(store.readBlocks(lane)));
  return { seq: store.seq, cursors: store.cursors, lanes, qcs: await read(store.readCommitQCs()) };
}

const any = (value: unknown) => value as never;
const big = (bytes: number) => new Uint8Array(bytes);
const thrower: Iterable<PlainBlock> = {
  *[Symbol.iterator]() {
    yield plainBlock('0a', 3);
    throw new RangeError('the iterable threw');
  },
};

type Call = (store: Store) => Promise<unknown>;

const persist =
  (round: Parameters<Store['persist']>[0]): Call =>
  (store) =>
    store.persist(round);
const lane =
  (...args: Parameters<Store['blocks']['maybePruneAndPersistLane']>): Call =>
  (store) =>
    store.blocks.maybePruneAndPersistLane(...args);
const qcs =
  (...args: Parameters<Store['commitQCs']['maybePruneAndPersist']>): Call =>
  (store) =>
    store.commitQCs.maybePruneAndPersist(...args);

const SEQUENCE = 'LANESTORE_OUT_OF_SEQUENCE';
const INVALID = 'LANESTORE_INVALID';
const WRONG_LANE = 'LANESTORE_WRONG_LANE';

const TABLE: readonly (readonly [
  what: string,
  call: Call,
  code: LanestoreErrorCode | ErrorConstructor,
  message?: RegExp,
])[] = [
  // Blocks
  ['a gap', persist({ blocks: [plainBlock('0a', 4)] }), SEQUENCE, /block 4 of lane 0a.*expects block 3/],
  ['a duplicate block', persist({ blocks: [plainBlock('0a', 2)] }), SEQUENCE, /block 2 of lane 0a.*expects block 3/],
  ['a block that was truncated', persist({ blocks: [plainBlock('0a', 0)] }), SEQUENCE, /expects block 3/],
  ['the same block twice in a round', persist({ blocks: [plainBlock('0a', 3), plainBlock('0a', 3)] }), SEQUENCE],
  ['blocks in the wrong order', persist({ blocks: [plainBlock('0a', 4), plainBlock('0a', 3)] }), SEQUENCE],
  [
    'a gap after good blocks of other lanes',
    persist({ blocks: [plainBlock('0b', 7), plainBlock('0a', 3), plainBlock('0a', 5)] }),
    SEQUENCE,
    /block 5 of lane 0a.*expects block 4/,
  ],
  [
    'a gap in a round with a good anchor, inner and CommitQC',
    persist({
      anchor: plainAnchor(2, { '0a': 3 }),
      inner: big(1),
      commitQCs: [plainQC(2)],
      blocks: [plainBlock('0a', 9)],
    }),
    SEQUENCE,
  ],
  [
    'a new lane that does not begin where the anchor says',
    persist({ blocks: [plainBlock('0c', 0)] }),
    SEQUENCE,
    /expects block 4/,
  ],
  ['the block number 2^64-1', persist({ blocks: [plainBlock('0d', U64_MAX)] }), INVALID, /18446744073709551615/],
  ['the block number 2^64', persist({ blocks: [plainBlock('0d', U64_MAX + 1n)] }), INVALID],
  ['the block number -1', persist({ blocks: [plainBlock('0d', -1n)] }), INVALID],
  [
    'a block number that is not a bigint',
    persist({ blocks: [any({ lane: '0a', number: 3, data: big(1) })] }),
    TypeError,
  ],
  ['an empty lane', persist({ blocks: [plainBlock('', 0)] }), INVALID],
  ['a lane in uppercase', persist({ blocks: [plainBlock('0A', 3)] }), INVALID],
  ['a lane of an odd length', persist({ blocks: [plainBlock('0a1', 0)] }), INVALID],
  ['a lane with a slash', persist({ blocks: [plainBlock('0a/0b', 0)] }), INVALID],
  ['a lane of 65 bytes', persist({ blocks: [plainBlock('00'.repeat(65), 0)] }), INVALID],
  ['a lane that is not a string', persist({ blocks: [any({ lane: 10, number: 3n, data: big(1) })] }), TypeError],
  [
    'a block whose shape the model refuses',
    persist({ blocks: [any({ lane: '0a', number: 3n, data: 'text' })] }),
    INVALID,
    /data/,
  ],
  [
    'a block that cannot be encoded, after good ones',
    persist({ inner: big(1), blocks: [plainBlock('0a', 3), plainBlock('0b', 7, 'boom')] }),
    INVALID,
    /boom/,
  ],
  ['blocks that are not iterable', persist({ blocks: any(5) }), TypeError],
  ['blocks whose iterable throws', persist({ blocks: thrower }), RangeError, /the iterable threw/],
  // CommitQCs
  ['a QC gap', persist({ commitQCs: [plainQC(3)] }), SEQUENCE, /CommitQC 3.*expects 2/],
  [
    'a gap in the CommitQCs after good ones',
    persist({ commitQCs: [plainQC(1), plainQC(2), plainQC(4)] }),
    SEQUENCE,
    /expects 3/,
  ],
  ['the road index 2^64-1', persist({ commitQCs: [plainQC(U64_MAX)] }), INVALID],
  ['a road index that is not a bigint', persist({ commitQCs: [any({ index: 2, starts: [] })] }), TypeError],
  ['a QC whose shape the model refuses', persist({ commitQCs: [any({ index: 2n })] }), INVALID, /starts/],
  // Anchors
  [
    'an anchor whose AppQC and CommitQC disagree',
    persist({ anchor: { index: 2n, qc: plainQC(3) } }),
    INVALID,
    /AppQC is for road index 2, its CommitQC for 3/,
  ],
  ['an older anchor whose AppQC and CommitQC disagree', persist({ anchor: { index: 0n, qc: plainQC(1) } }), INVALID],
  ['an anchor at 2^64-1', persist({ anchor: plainAnchor(U64_MAX) }), INVALID],
  ['an anchor with a bad lane', persist({ anchor: plainAnchor(2, { xyz: 1 }) }), INVALID, /xyz/],
  ['an anchor that has a lane begin at 2^64', persist({ anchor: plainAnchor(2, { '0a': U64_MAX + 1n }) }), INVALID],
  ['an anchor whose shape the model refuses', persist({ anchor: any({ index: 2n }) }), INVALID, /qc/],
  ['the same anchor by anchor.persist', (store) => store.anchor.persist({ index: 2n, qc: plainQC(3) }), INVALID],
  // Rounds
  [
    'a round beyond maxRoundBytes',
    persist({ inner: big(1), blocks: [plainBlock('0a', 3, big(MAX_ROUND))] }),
    INVALID,
    /maxRoundBytes/,
  ],
  ['an inner beyond maxRoundBytes', persist({ inner: big(MAX_ROUND) }), INVALID, /maxRoundBytes/],
  [
    'a round of many blocks beyond maxRoundBytes',
    persist({ blocks: Array.from({ length: 200 }, (_, i) => plainBlock('0a', 3 + i)) }),
    INVALID,
  ],
  ['no round', persist(any(undefined)), TypeError],
  ['null for a round', persist(any(null)), TypeError],
  ['a number for a round', persist(any(5)), TypeError],
  ['an inner that is text', persist({ inner: any('text') }), TypeError],
  ['an inner that is an array', persist({ inner: any([1, 2]) }), TypeError],
  [
    'a hook that is not a function',
    (store) => store.persist({ blocks: [plainBlock('0a', 3)] }, { block: any(5) }),
    TypeError,
  ],
  [
    'an anchor hook that is not a function',
    (store) => store.persist({ blocks: [plainBlock('0a', 3)] }, { anchor: any({}) }),
    TypeError,
  ],
  // One lane
  [
    'a foreign lane',
    lane('0a', undefined, [plainBlock('0a', 3), plainBlock('0b', 7)]),
    WRONG_LANE,
    /block 7 is of lane 0b, not of lane 0a/,
  ],
  [
    'a foreign lane in a call with a truncation',
    lane('0a', plainQC(5, { '0a': 3 }), [plainBlock('0b', 7)]),
    WRONG_LANE,
  ],
  ['a gap in one lane', lane('0a', undefined, [plainBlock('0a', 4)]), SEQUENCE],
  [
    'a gap in one lane after its truncation',
    lane('0a', plainQC(5, { '0a': 7 }), [plainBlock('0a', 8)]),
    SEQUENCE,
    /expects block 7/,
  ],
  ['a duplicate in one lane', lane('0a', undefined, [plainBlock('0a', 2)]), SEQUENCE],
  [
    'a new lane that does not begin where the CommitQC says',
    lane('0d', plainQC(5, { '0d': 7 }), [plainBlock('0d', 8)]),
    SEQUENCE,
    /expects block 7/,
  ],
  ['a bad lane', lane('0x', undefined, []), INVALID],
  ['a lane that is not a string', lane(any(10), undefined, []), TypeError],
  ['an anchor QC whose shape the model refuses', lane('0a', any({ index: 1n }), []), INVALID],
  ['an afterEach that is not a function', lane('0a', undefined, [plainBlock('0a', 3)], any(5)), TypeError],
  // The QC log
  ['a gap in the QC log', qcs(undefined, [plainQC(3)]), SEQUENCE],
  ['a gap in the CommitQCs after a truncation', qcs(plainQC(7), [plainQC(9)]), SEQUENCE, /expects 8/],
  ['an anchor QC at 2^64-1', qcs(plainQC(U64_MAX), []), INVALID],
  ['CommitQCs that are not an array', qcs(undefined, any(5)), TypeError],
  // Drops
  ['a drop of a bad lane', (store) => store.dropLanes(['0a', '0A']), INVALID],
  ['a drop of a lane that is not a string', (store) => store.dropLanes(any([10])), TypeError],
  ['a drop of a value that is not a list', (store) => store.dropLanes(any(5)), TypeError],
  // Reads
  ['a read of a bad lane', (store) => store.block('0A', 1n), INVALID],
  ['a read of an invalid number', (store) => store.block('0a', any(1)), TypeError],
  ['a read of a number beyond 64 bits', (store) => store.commitQC(U64_MAX + 1n), INVALID],
];

const input = suite('bad input');

input(
  'each bad call is refused, stores nothing, fires no hook, and the next good round is accepted',
  inTemp(async (dir) => {
    const store = await openStore(dir);
    let next = 3n;
    for (const [what, call, code, message] of TABLE) {
      const before = await stateOf(store);
      const error = await rejection(() => call(store));
      if (typeof code === 'string') {
        assert.instance(error, LanestoreError, `${what}: ${error}`);
        assert.is((error as LanestoreError).code, code, `${what}: ${error}`);
      } else {
        assert.instance(error, code, `${what}: ${error}`);
      }
      if (message !== undefined) assert.match((error as Error).message, message, what);
      assert.equal(await stateOf(store), before, `${what}: nothing was stored`);
      await refused(store.persist({ blocks: [plainBlock('0a', next + 1n)] }), SEQUENCE);
      if (TABLE.findIndex(([name]) => name === what) % 8 === 7) {
        // A good round in between: the refused call left no trace in the planner's state.
        await store.persist({ inner: big(2), commitQCs: [plainQC(1)], blocks: [] });
        assert.is(store.seq, (before as { seq: bigint }).seq + 1n);
      }
    }
    await store.persist({
      blocks: [plainBlock('0a', next), plainBlock('0b', 7), plainBlock('0c', 4)],
      commitQCs: [plainQC(2)],
    });
    next++;
    const after = await stateOf(store);
    await store.close();
    await using again = await openStore(dir);
    assert.equal(await stateOf(again), after);
  }),
);

for (const [what, call] of TABLE) {
  input(
    `${what}: unchanged on disk`,
    inTemp(async (dir) => {
      await (await openStore(dir)).close();
      const before = await dump(dir);
      const fired: unknown[] = [];
      {
        await using store = await openStore(dir);
        // Among good calls of the same tick, which must not be affected.
        const hooks = { block: (block: PlainBlock) => void fired.push(block.number) };
        const good = store.persist({}, hooks);
        const bad = rejection(() => call(store));
        const good2 = store.persist({ commitQCs: [plainQC(1)] }, { commitQC: ({ index }) => void fired.push(index) });
        await Promise.all([good, bad, good2]);
        assert.equal(fired, [1n]);
      }
      assert.equal(await dump(dir), before);
      await using store = await openStore(dir);
      await store.persist({
        blocks: [plainBlock('0a', 3), plainBlock('0b', 7), plainBlock('0c', 4), plainBlock('0d', 9)],
      });
      assert.is(store.cursors.lanes.get('0a')?.next, 4n);
    }),
  );
}

input(
  'the highest number, 2^64-2, can be stored; then the lane is full',
  inTemp(async (dir) => {
    {
      await using store = await openLevel(dir, { model });
      await store.persist({ blocks: [plainBlock('0a', U64_MAX - 1n)] });
      await refused(store.persist({ blocks: [plainBlock('0a', U64_MAX)] }), INVALID);
      await refused(store.persist({ blocks: [plainBlock('0a', 0)] }), SEQUENCE, /full/);
      await store.persist({ anchor: plainAnchor(U64_MAX - 1n, { '0b': U64_MAX }) });
      await refused(store.persist({ commitQCs: [plainQC(U64_MAX)] }), INVALID);
    }
    await using store = await openLevel(dir, { model });
    assert.equal(store.cursors.lanes.get('0a'), { first: U64_MAX - 1n, next: U64_MAX });
    assert.equal(store.cursors.commitQCs, { first: U64_MAX - 1n, next: U64_MAX });
    assert.is(store.takeRecovered().blocks.get('0a')?.length, 1);
  }),
);

input(
  'a throwing hook: the entry is durable, the other hooks fire, the call rejects, the store stays usable',
  inTemp(async (dir) => {
    const fired: bigint[] = [];
    const thrown = new Error('from a hook');
    {
      await using store = await openStore(dir);
      const hooks = {
        block: ({ number }: PlainBlock) => {
          fired.push(number);
          if (number === 4n) throw thrown;
          if (number === 5n) throw new Error('a second one');
        },
      };
      assert.is(
        await rejection(store.persist({ blocks: [3, 4, 5, 6].map((n) => plainBlock('0a', n)) }, hooks)),
        thrown,
      );
      await store.persist({ blocks: [plainBlock('0a', 7)] });
    }
    assert.equal(fired, [3n, 4n, 5n, 6n]);
    await using store = await openStore(dir);
    assert.is(store.cursors.lanes.get('0a')?.next, 8n);
  }),
);

const ends = suite('a store that accepts nothing more');

/** Every call of the port and of the read API. */
const CALLS: readonly (readonly [string, Call])[] = [
  ['persist', persist({ inner: big(1) })],
  ['an empty round', persist({})],
  ['a bad round', persist({ blocks: [plainBlock('0a', 99)] })],
  ['blocks', lane('0a', undefined, [])],
  ['commitQCs', qcs(undefined, [])],
  ['anchor', (store) => store.anchor.persist(plainAnchor(9))],
  ['dropLanes', (store) => store.dropLanes(['0a'])],
  ['ready', (store) => store.ready()],
  ['block', (store) => store.block('0a', 1n)],
  ['commitQC', (store) => store.commitQC(1n)],
  ['readBlocks', (store) => store.readBlocks('0a').next()],
  ['readCommitQCs', (store) => store.readCommitQCs().next()],
];

ends(
  'after close() every call is LANESTORE_CLOSED, and every accepted call is stored',
  inTemp(async (dir) => {
    const store = await openStore(dir);
    const accepted = store.persist({ blocks: [plainBlock('0a', 3)] });
    const closed = store.close();
    for (const [what, call] of CALLS)
      assert.ok((await refused(() => call(store), 'LANESTORE_CLOSED')) !== undefined, what);
    await accepted;
    await closed;
    for (const [what, call] of CALLS)
      assert.ok((await refused(() => call(store), 'LANESTORE_CLOSED')) !== undefined, what);
    await store.close();
    await using again = await openStore(dir);
    assert.is(again.cursors.lanes.get('0a')?.next, 4n);
  }),
);

/**
 * A database that rejects one batch on request and then accepts writes again, as LevelDB does after
 * ENOSPC.
 */
class FailingLevel extends MemoryLevel<string, Uint8Array> {
  failNext: Error | undefined;
  batches = 0;

  // abstract-level calls this for every batch, chained batches too.
  async _batch(operations: unknown, options: unknown): Promise<void> {
    this.batches++;
    const error = this.failNext;
    this.failNext = undefined;
    if (error !== undefined) throw error;
    const base = MemoryLevel.prototype as unknown as { _batch(operations: unknown, options: unknown): Promise<void> };
    return base._batch.call(this, operations, options);
  }
}

ends(
  'after a rejected write every call is LANESTORE_FAILED with the first cause, queued calls too, unwritten',
  async () => {
    const db = new FailingLevel({ keyEncoding: 'utf8', valueEncoding: 'view' });
    const cause = new Error('IO error: no space left on device');
    {
      await using store = await openLevel({ db, model });
      await store.persist({ blocks: plainBlocks('0a', 0, 2) });
      const fired: unknown[] = [];
      const hooks = { block: (block: PlainBlock) => void fired.push(block) };
      const { batches } = db;
      db.failNext = cause;
      const inFlight = store.persist({ blocks: [plainBlock('0a', 2)] }, hooks);
      await new Promise((resolve) => process.nextTick(resolve));
      const waiting = [
        store.persist({ blocks: [plainBlock('0a', 3)] }, hooks),
        store.persist({}, hooks),
        store.dropLanes(['0a']),
        store.commitQCs.maybePruneAndPersist(undefined, [plainQC(0)]),
      ];
      const errors = await Promise.all([inFlight, ...waiting].map((call) => refused(call, 'LANESTORE_FAILED')));
      for (const error of errors) assert.is(error.cause, cause);
      for (const [, call] of CALLS) assert.is((await refused(() => call(store), 'LANESTORE_FAILED')).cause, cause);
      assert.equal(fired, []);
      assert.is(db.batches, batches + 1, 'nothing is written after a rejected write');
      assert.equal(store.cursors.lanes.get('0a'), { first: 0n, next: 2n });
      await store.close();
      await refused(store.persist({}), 'LANESTORE_CLOSED');
    }
    await using store = await openLevel({ db, model });
    assert.equal(store.takeRecovered().blocks.get('0a'), plainBlocks('0a', 0, 2));
    await store.persist({ blocks: [plainBlock('0a', 2)] });
  },
);

ends(
  'a disk that fills up, without a watermark: LANESTORE_FAILED, and a reopen recovers everything acknowledged',
  inTemp(async (dir) => {
    const disk = join(dir, 'disk');
    await withTmpfs('a disk that fills up', disk, '3m', async () => {
      const location = join(disk, 'store');
      const spare = join(disk, 'spare');
      const data = (i: number) => new Uint8Array(20_000).fill(i);
      let acknowledged = 0;
      {
        await using store = await openLevel(location, { model, minFreeBytes: 0 });
        // Room for recovery, which writes the log as a table.
        writeFileSync(spare, new Uint8Array(1_600_000));
        for (;;) {
          const error = await store
            .persist({ blocks: [plainBlock('0a', acknowledged, data(acknowledged))] })
            .catch((reason) => reason);
          if (error !== undefined) {
            assert.is(error.code, 'LANESTORE_FAILED', String(error));
            break;
          }
          acknowledged++;
        }
        assert.ok(acknowledged > 5);
        // There is space again at once; the failed store refuses calls all the same.
        rmSync(spare);
        for (let i = 0; i < 3; i++) await refused(store.persist({ inner: big(1) }), 'LANESTORE_FAILED');
      }
      await using store = await openLevel(location, { model, minFreeBytes: 0 });
      const blocks = store.takeRecovered().blocks.get('0a') ?? [];
      assert.ok(
        blocks.length === acknowledged || blocks.length === acknowledged + 1,
        `${acknowledged}, ${blocks.length}`,
      );
      assert.equal(
        blocks,
        Array.from({ length: blocks.length }, (_, i) => plainBlock('0a', i, data(i))),
      );
      await store.persist({ blocks: [plainBlock('0a', blocks.length)] });
    });
  }),
);

ends(
  'no room: LANESTORE_CAPACITY, nothing of the round stored; after ready() the round is accepted',
  inTemp(async (dir) => {
    {
      await using store = await openLevel(dir, { model, maxQueuedBytes: 5000 });
      const calls: Promise<unknown>[] = [];
      let next = 0;
      let refusals = 0;
      while (next < 30) {
        const call = store.persist({ blocks: [plainBlock('0a', next, big(1000))] });
        const outcome = await Promise.race([
          call.then(
            () => 'done',
            (error: LanestoreError) => error.code,
          ),
          tick(),
        ]);
        if (outcome === 'LANESTORE_CAPACITY') {
          refusals++;
          await store.ready();
          continue;
        }
        calls.push(call);
        next++;
      }
      await Promise.all(calls);
      assert.ok(refusals > 0);
    }
    await using store = await openLevel(dir, { model });
    assert.equal(
      store.takeRecovered().blocks.get('0a'),
      Array.from({ length: 30 }, (_, i) => plainBlock('0a', i, big(1000))),
    );
  }),
);

/** Resolves after the rejections of this tick and before the next batch starts. */
async function tick(): Promise<undefined> {
  for (let i = 0; i < 10; i++) await undefined;
  return undefined;
}

ends(
  'close() waits for rounds in flight and for a running sweep',
  inTemp(async (dir) => {
    const count = 6000;
    {
      await using store = await openLevel(dir, { model });
      await store.persist({ blocks: plainBlocks('0a', 0, count) });
      void store.persist({ anchor: plainAnchor(0, { '0a': count }) });
      void store.persist({ blocks: [plainBlock('0a', count)] });
    }
    assert.ok(readFileSync(join(dir, 'witness')).length === 8192);
    await using store = await openLevel(dir, { model });
    assert.equal(store.cursors.lanes.get('0a'), { first: BigInt(count), next: BigInt(count + 1) });
  }),
);

input.run();
ends.run();
