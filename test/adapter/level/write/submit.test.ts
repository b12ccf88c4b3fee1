/**
 * Before a call returns, it reads, plans and encodes its arguments. Later changes of the caller's
 * objects have no effect.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../../../src/adapter/level/index.js';
import type { Model } from '../../../../src/model/model.js';
import { refused } from '../../../support/faults.js';
import { onHeld } from '../../../support/held-level.js';
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

const test = suite('queue: submitting');

/** The value with which `promise` rejects. */
async function thrown(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('it was not refused');
}

test(
  'buffers and arrays that the caller changes right after persist() returned are stored as they were',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain });
    db.hold();
    const first = store.persist({ blocks: [plainBlock('0b', 0)] });
    await db.held();
    const data = new Uint8Array([1, 2, 3]);
    const inner = Buffer.from([4, 5, 6]);
    const blocks = [plainBlock('0a', 0, data)];
    const commitQCs = [plainQC(0, { '0a': 0 })];
    const second = store.persist({ blocks, commitQCs, inner });
    data.fill(255);
    inner.fill(255);
    blocks[0] = plainBlock('0a', 9);
    commitQCs.push(plainQC(1));
    db.release();
    await Promise.all([first, second]);
    await store.close();
    const again = await openLevel({ db, model: plain });
    const recovered = again.takeRecovered();
    assert.equal(recovered.blocks.get('0a'), [plainBlock('0a', 0, new Uint8Array([1, 2, 3]))]);
    assert.equal(recovered.inner, new Uint8Array([4, 5, 6]));
    assert.equal(recovered.commitQCs, [plainQC(0, { '0a': 0 })]);
    await again.close();
  }),
);

test(
  'blocks may come from a generator; it is read to its end before persist() returns',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain });
    let ended = false;
    function* blocks() {
      yield* plainBlocks('0a', 4, 7);
      ended = true;
    }
    const fired: bigint[] = [];
    const done = store.persist({ blocks: blocks() }, { block: ({ number }) => void fired.push(number) });
    assert.ok(ended);
    await done;
    await store.blocks.maybePruneAndPersistLane('0a', undefined, new Set(plainBlocks('0a', 7, 9)));
    assert.equal(store.cursors.lanes.get('0a'), { first: 4n, next: 9n });
    assert.equal(fired, [4n, 5n, 6n]);
    await store.close();
  }),
);

test(
  'a generator that throws refuses the whole round with what it threw; nothing of it is stored or planned',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain });
    const failure = new Error('the generator failed');
    function* blocks() {
      yield plainBlock('0a', 0);
      throw failure;
    }
    const round = { anchor: plainAnchor(5), inner: new Uint8Array(1), commitQCs: [plainQC(5)], blocks: blocks() };
    assert.is(await thrown(store.persist(round)), failure);
    assert.is(await thrown(store.blocks.maybePruneAndPersistLane('0a', undefined, blocks())), failure);
    assert.is(db.batches.length, 1, 'nothing but creation');
    await store.persist({ blocks: [plainBlock('0a', 7)], commitQCs: [plainQC(0)] });
    assert.equal(store.cursors, {
      lanes: new Map([['0a', { first: 7n, next: 8n }]]),
      commitQCs: { first: 0n, next: 1n },
    });
    await store.close();
  }),
);

test(
  'a generator that persists by itself is planned first, and its own round against what that leads to',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain });
    let inside: Promise<void> | undefined;
    function* blocks() {
      inside = store.persist({ blocks: [plainBlock('0a', 0)] });
      yield plainBlock('0a', 1);
    }
    await store.persist({ blocks: blocks() });
    await inside;
    assert.equal(store.cursors.lanes.get('0a'), { first: 0n, next: 2n });
    await store.close();
  }),
);

test(
  'a body that cannot be encoded refuses the whole round; the planned cursors do not move',
  onHeld(async (db) => {
    const failure = new Error('no body');
    const toBody = (block: PlainBlock) => {
      if (block.data.length === 13) throw failure;
      return plain.block.toBody(block);
    };
    const model: Model<PlainBlock, PlainQC, PlainAnchor> = { ...plain, block: { ...plain.block, toBody } };
    const store = await openLevel({ db, model });
    const bad = [plainBlock('0a', 0), plainBlock('0a', 1, new Uint8Array(13))];
    assert.is(await thrown(store.persist({ anchor: plainAnchor(3), blocks: bad })), failure);
    assert.is(db.batches.length, 1);
    await store.persist({ blocks: [plainBlock('0a', 6)], commitQCs: [plainQC(0)] });
    assert.equal(store.cursors, {
      lanes: new Map([['0a', { first: 6n, next: 7n }]]),
      commitQCs: { first: 0n, next: 1n },
    });
    await store.close();
  }),
);

test(
  'a round larger than maxRoundBytes is LANESTORE_INVALID and changes nothing; in two halves it is accepted',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain, maxRoundBytes: 4096 });
    const large = [0, 1, 2].map((number) => plainBlock('0a', number, new Uint8Array(1500)));
    await refused(store.persist({ blocks: large }), 'LANESTORE_INVALID', /maxRoundBytes/);
    assert.is(db.batches.length, 1);
    await store.persist({ blocks: large.slice(0, 2) });
    await store.persist({ blocks: large.slice(2) });
    assert.equal(store.cursors.lanes.get('0a'), { first: 0n, next: 3n });
    await store.close();
  }),
);

test(
  'arguments of the wrong type are TypeErrors, by rejection, and nothing is stored',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain });
    const wrong = (value: unknown) => value as never;
    const calls: (() => Promise<unknown>)[] = [
      () => store.persist(wrong(undefined)),
      () => store.persist(wrong('round')),
      () => store.persist({ inner: wrong('text') }),
      () => store.persist({ blocks: wrong(5) }),
      () => store.persist({ commitQCs: wrong({}) }),
      () => store.persist({ blocks: [{ ...plainBlock('0a', 0), number: wrong(0) }] }),
      () => store.persist({ blocks: [{ ...plainBlock('0a', 0), lane: wrong(10) }] }),
      () => store.persist({}, { block: wrong('hook') }),
      () => store.blocks.maybePruneAndPersistLane(wrong(1), undefined, []),
      () => store.dropLanes([wrong(1)]),
    ];
    for (const [i, call] of calls.entries()) assert.instance(await thrown(call()), TypeError, `call ${i}`);
    for (const lane of ['', '0', '0G', '0A', 'zz', '00'.repeat(65)]) {
      await refused(store.persist({ blocks: [{ ...plainBlock('0a', 0), lane }] }), 'LANESTORE_INVALID');
      await refused(store.blocks.maybePruneAndPersistLane(lane, undefined, []), 'LANESTORE_INVALID');
      await refused(store.dropLanes(['0b', lane]), 'LANESTORE_INVALID');
    }
    assert.is(db.batches.length, 1);
    assert.is(store.cursors.lanes.size, 0);
    await store.close();
  }),
);

test.run();
