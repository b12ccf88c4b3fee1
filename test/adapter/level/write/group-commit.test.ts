/**
 * Calls that arrive together share one batch and one sync (docs/design.md, One writer). The tests
 * count batches; they measure no time.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LevelStore, openLevel } from '../../../../src/adapter/level/index.js';
import { type HeldLevel, Ledger, onHeld, turns } from '../../../support/held-level.js';
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

const test = suite('queue: group commit');

type Store = LevelStore<PlainBlock, PlainQC, PlainAnchor>;

const KIB = 1024;

function lane(i: number): string {
  return i.toString(16).padStart(4, '0');
}

function sized(of: string, number: number, bytes: number): PlainBlock {
  return plainBlock(of, number, new Uint8Array(bytes));
}

/** The number of blocks that each batch since `from` puts. */
function blocksPerBatch(db: HeldLevel, from = 1): number[] {
  return db.batches
    .slice(from)
    .map((batch) => batch.filter(({ type, key }) => type === 'put' && key.startsWith('lane/')).length);
}

/** A store with one round in flight, whose write is held. */
async function busyStore(
  db: HeldLevel,
  options: { maxMergeBytes?: number } = {},
): Promise<{ store: Store; first: Promise<void> }> {
  const store = await openLevel({ db, model: plain, ...options });
  db.hold();
  const first = store.persist({ blocks: [plainBlock('ff', 0)] });
  await db.held();
  return { store, first };
}

test(
  'what is submitted in one tick is exactly one batch',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain });
    await Promise.all(Array.from({ length: 40 }, (_, i) => store.persist({ blocks: plainBlocks(lane(i), 0, 3) })));
    assert.equal(blocksPerBatch(db), [120]);
    await store.close();
  }),
);

test(
  'what is submitted in the microtasks of one tick is still one batch',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain });
    const later = async (i: number) => {
      for (let hop = 0; hop < i % 7; hop++) await undefined;
      await store.persist({ blocks: [plainBlock(lane(i), 0)] });
    };
    await Promise.all(Array.from({ length: 21 }, (_, i) => later(i)));
    assert.equal(blocksPerBatch(db), [21]);
    await store.close();
  }),
);

test(
  'a caller that first waits for room, in the same tick, still joins the batch',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain });
    const patient = async () => {
      await store.ready();
      for (let hop = 0; hop < 3; hop++) await undefined;
      await store.persist({ blocks: [plainBlock(lane(1), 0)] });
    };
    await Promise.all([store.persist({ blocks: [plainBlock(lane(0), 0)] }), patient()]);
    assert.equal(blocksPerBatch(db), [2]);
    await store.close();
  }),
);

test(
  'rounds of all callers that arrive while a batch is in flight become the next batch',
  onHeld(async (db) => {
    const { store, first } = await busyStore(db);
    const others: Promise<void>[] = [];
    for (let i = 0; i < 30; i++) {
      others.push(store.persist({ blocks: [plainBlock(lane(i), 0)] }));
      await turns(1);
    }
    others.push(store.commitQCs.maybePruneAndPersist(undefined, [plainQC(0), plainQC(1)]));
    others.push(store.blocks.maybePruneAndPersistLane('ee', undefined, plainBlocks('ee', 7, 9)));
    others.push(store.anchor.persist(plainAnchor(2)));
    db.release();
    await Promise.all([first, ...others]);
    assert.equal(blocksPerBatch(db), [1, 32]);
    await store.close();
  }),
);

test(
  '200 callers on 40 lanes, each waiting for its own rounds, make far fewer batches than rounds',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain });
    db.delay(3);
    const caller = async (i: number) => {
      await turns(i % 5);
      for (let number = 0; number < 5; number++) await store.persist({ blocks: [plainBlock(lane(i), number)] });
    };
    await Promise.all(Array.from({ length: 40 }, (_, i) => caller(i)));
    const batches = db.batches.length - 1;
    assert.is(
      blocksPerBatch(db).reduce((a, b) => a + b),
      200,
    );
    assert.ok(batches <= 20, `${batches} batches for 200 rounds`);
    assert.is(store.seq, BigInt(batches));
    await store.close();
  }),
);

test(
  'callers that submit their next round once the last one is durable stay in step: one batch for all',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain });
    const caller = async (i: number) => {
      for (let number = 0; number < 5; number++) await store.persist({ blocks: [plainBlock(lane(i), number)] });
    };
    await Promise.all(Array.from({ length: 40 }, (_, i) => caller(i)));
    assert.equal(blocksPerBatch(db), [40, 40, 40, 40, 40]);
    await store.close();
  }),
);

test(
  'rounds are merged up to maxMergeBytes, in order, and no further',
  onHeld(async (db) => {
    const { store, first } = await busyStore(db, { maxMergeBytes: 10 * KIB });
    const rounds = Array.from({ length: 9 }, (_, i) => store.persist({ blocks: [sized('0a', i, 3 * KIB)] }));
    db.release();
    await Promise.all([first, ...rounds]);
    assert.equal(blocksPerBatch(db), [1, 3, 3, 3]);
    await store.close();
  }),
);

test(
  'a round is never split, and one larger than maxMergeBytes has its own batch',
  onHeld(async (db) => {
    const { store, first } = await busyStore(db, { maxMergeBytes: 10 * KIB });
    const large = Array.from({ length: 20 }, (_, i) => sized('0b', i, 2 * KIB));
    const rounds = [
      store.persist({ blocks: [sized('0a', 0, KIB)] }),
      store.persist({ blocks: large }),
      store.persist({ blocks: [sized('0a', 1, KIB)] }),
      store.persist({ blocks: [sized('0a', 2, KIB)] }),
    ];
    db.release();
    await Promise.all([first, ...rounds]);
    assert.equal(blocksPerBatch(db), [1, 1, 20, 2]);
    await store.close();
  }),
);

test(
  'a round that stores nothing makes no batch',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain });
    await store.persist({ anchor: plainAnchor(3, { '0a': 2 }), commitQCs: [plainQC(3)] });
    const before = db.batches.length;
    await store.persist({});
    await store.persist({ commitQCs: [plainQC(1), plainQC(3)] });
    await store.persist({ anchor: plainAnchor(2) });
    await store.persist({ blocks: [] });
    await store.blocks.maybePruneAndPersistLane('0a', plainQC(9, { '0a': 4 }), []);
    await store.commitQCs.maybePruneAndPersist(plainQC(3), []);
    await store.dropLanes([]);
    await store.dropLanes(['0e']);
    assert.is(db.batches.length, before);
    await store.close();
  }),
);

test(
  'one caller that waits makes one batch a round, numbered without a hole',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain });
    for (let i = 0; i < 10; i++) {
      await store.persist({ commitQCs: [plainQC(i)], blocks: [plainBlock('0a', i)], inner: new Uint8Array([i]) });
      assert.is(store.seq, BigInt(i + 1));
    }
    assert.is(db.batches.length, 11);
    await store.close();
  }),
);

test(
  'calls of one tick in every form, in one batch, leave what they leave one by one',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain });
    const ledger = new Ledger();
    ledger.watch(
      '1',
      store.persist({ blocks: [...plainBlocks('0a', 0, 5), ...plainBlocks('0b', 3, 6)], commitQCs: [plainQC(0)] }),
    );
    ledger.watch('2', store.anchor.persist(plainAnchor(1, { '0a': 2, '0b': 9 })));
    ledger.watch('3', store.dropLanes(['0a']));
    ledger.watch('4', store.persist({ blocks: plainBlocks('0a', 2, 4) }));
    ledger.watch('5', store.persist({ blocks: plainBlocks('0b', 9, 10), inner: new Uint8Array([1]) }));
    ledger.watch('6', store.persist({ inner: new Uint8Array([2]) }));
    assert.equal(await ledger.all(), ['1', '2', '3', '4', '5', '6']);
    assert.is(db.batches.length, 2);
    await store.close();
    const again = await openLevel({ db, model: plain });
    const { anchor, inner, commitQCs, blocks } = again.takeRecovered();
    assert.equal([anchor?.index, inner, commitQCs.map(({ index }) => index)], [1n, new Uint8Array([2]), [1n]]);
    assert.equal(
      [...blocks].map(([of, held]) => [of, held.map(({ number }) => number)]),
      [
        ['0a', [2n, 3n]],
        ['0b', [9n]],
      ],
    );
    await again.close();
  }),
);

test.run();
