/**
 * Calls settle and hooks fire after durability, in the order of acceptance, for every kind of call
 * (docs/architecture.md, Rules of the planner, 6).
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LevelStore, openLevel } from '../../../../src/adapter/level/index.js';
import type { DurableHooks } from '../../../../src/adapter/persistence.js';
import { refused } from '../../../support/faults.js';
import { type HeldLevel, type HoldPoint, Ledger, onHeld, turns } from '../../../support/held-level.js';
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

const test = suite('queue: settling');

type Store = LevelStore<PlainBlock, PlainQC, PlainAnchor>;

function open(db: HeldLevel, options: { maxMergeBytes?: number } = {}): Promise<Store> {
  return openLevel({ db, model: plain, ...options });
}

/** Hooks that record the entries for which they fire. */
function noting(into: string[], round: string | number): DurableHooks<PlainBlock, PlainQC, PlainAnchor> {
  return {
    anchor: (anchor) => void into.push(`${round}: anchor ${anchor.index}`),
    commitQC: (qc) => void into.push(`${round}: qc ${qc.index}`),
    block: (block) => void into.push(`${round}: ${block.lane}/${block.number}`),
  };
}

for (const point of ['before', 'after'] as HoldPoint[]) {
  test(
    `nothing is reported while the write is held ${point} it happened: no promise, no hook, no cursor`,
    onHeld(async (db) => {
      const store = await open(db);
      const fired: string[] = [];
      const ledger = new Ledger();
      db.hold(point);
      ledger.watch(
        'round',
        store.persist({ anchor: plainAnchor(0), blocks: plainBlocks('0a', 0, 2) }, noting(fired, 1)),
      );
      await db.held();
      assert.equal(await ledger.soFar(), []);
      assert.equal(fired, []);
      assert.equal(store.cursors, { lanes: new Map(), commitQCs: { first: 0n, next: 0n } });
      assert.is(store.commitQCs.next, 0n);
      assert.is(store.seq, 0n);
      assert.is(await store.block('0a', 5n), undefined);
      db.release();
      assert.equal(await ledger.all(), ['round']);
      assert.equal(fired, ['1: anchor 0', '1: 0a/0', '1: 0a/1']);
      assert.equal(store.cursors, {
        lanes: new Map([['0a', { first: 0n, next: 2n }]]),
        commitQCs: { first: 0n, next: 1n },
      });
      assert.is(store.seq, 1n);
      await store.close();
    }),
  );
}

const PLANS_NOTHING: readonly (readonly [string, (store: Store, fired: string[]) => Promise<void>, string[]])[] = [
  ['a repeated CommitQC', (store, fired) => store.persist({ commitQCs: [plainQC(4)] }, noting(fired, 2)), ['2: qc 4']],
  [
    'a repeated CommitQC on the QC side of the port',
    (store, fired) => store.commitQCs.maybePruneAndPersist(undefined, [plainQC(4)], noting(fired, 2).commitQC),
    ['2: qc 4'],
  ],
  ['an older anchor', (store, fired) => store.persist({ anchor: plainAnchor(3) }, noting(fired, 2)), ['2: anchor 3']],
  ['an empty round', (store, fired) => store.persist({}, noting(fired, 2)), []],
  ['a lane call that changes nothing', (store) => store.blocks.maybePruneAndPersistLane('0a', plainQC(1), []), []],
  ['a drop of no lanes', (store) => store.dropLanes([]), []],
  ['a drop of an unknown lane', (store) => store.dropLanes(['dd']), []],
];

for (const [what, call, expected] of PLANS_NOTHING) {
  test(
    `${what} settles only after the round before it is durable, in flight or queued`,
    onHeld(async (db) => {
      const store = await open(db);
      db.hold();
      const ledger = new Ledger();
      const fired: string[] = [];
      const inFlight = { anchor: plainAnchor(4), blocks: [plainBlock('0a', 0)] };
      ledger.watch('first', store.persist(inFlight, noting(fired, 1)));
      await db.held();
      ledger.watch('second', call(store, fired));
      assert.equal(await ledger.soFar(), []);
      assert.equal(fired, []);
      db.step();
      assert.equal(await ledger.all(), ['first', 'second']);
      assert.equal(fired, ['1: anchor 4', '1: 0a/0', ...expected]);
      ledger.watch('third', store.persist({ blocks: [plainBlock('0a', 1)] }));
      ledger.watch('fourth', call(store, []));
      assert.equal(await ledger.soFar(), ['first', 'second']);
      db.release();
      assert.equal(await ledger.all(), ['first', 'second', 'third', 'fourth']);
      await store.close();
    }),
  );
}

test(
  'rounds that are not awaited settle in order, over batches, the hooks of each before its own promise',
  onHeld(async (db) => {
    const store = await open(db, { maxMergeBytes: 200 });
    db.delay(1);
    const ledger = new Ledger();
    const expected: string[] = [];
    for (let i = 0; i < 30; i++) {
      const round = i % 3 === 2 ? {} : { blocks: [plainBlock(i % 2 === 0 ? '0a' : '0b', nth(i))] };
      const note = () => void ledger.settled.push(`hook ${i}`);
      ledger.watch(`round ${i}`, store.persist(round, { block: note }));
      if (round.blocks !== undefined) expected.push(`hook ${i}`);
      expected.push(`round ${i}`);
    }
    const settled = await ledger.all();
    assert.equal(
      settled.filter((line) => line.startsWith('round')),
      expected.filter((line) => line.startsWith('round')),
    );
    for (const line of expected.filter((other) => other.startsWith('hook'))) {
      assert.ok(settled.indexOf(line) < settled.indexOf(line.replace('hook', 'round')), `${line} first`);
    }
    assert.ok(db.batches.length > 5, 'it took several batches');
    await store.close();
  }),
);

/**
 * The number of the block in round i above, which is the count of earlier rounds with a block of
 * the same lane.
 */
function nth(i: number): number {
  let count = 0;
  for (let other = 0; other < i; other++) if (other % 3 !== 2 && other % 2 === i % 2) count++;
  return count;
}

test(
  'hooks fire across rounds in order: anchor, CommitQCs with the ignored ones, blocks as they were given',
  onHeld(async (db) => {
    const store = await open(db);
    const fired: string[] = [];
    const mixed = [plainBlock('0b', 5), plainBlock('0a', 0), plainBlock('0b', 6), plainBlock('0a', 1)];
    await Promise.all([
      store.persist({ blocks: mixed, commitQCs: [plainQC(0), plainQC(1), plainQC(0)] }, noting(fired, 1)),
      store.persist(
        { commitQCs: [plainQC(2)], anchor: plainAnchor(1), blocks: [plainBlock('0a', 2)] },
        noting(fired, 2),
      ),
      store.persist({ anchor: plainAnchor(0), commitQCs: [plainQC(1)] }, noting(fired, 3)),
    ]);
    assert.equal(fired, [
      ...['1: qc 0', '1: qc 1', '1: qc 0', '1: 0b/5', '1: 0a/0', '1: 0b/6', '1: 0a/1'],
      ...['2: anchor 1', '2: qc 2', '2: 0a/2'],
      ...['3: anchor 0', '3: qc 1'],
    ]);
    await store.close();
  }),
);

test(
  'a hook sees its own round in the durable cursors and can read it back',
  onHeld(async (db) => {
    const store = await open(db);
    let seen: unknown;
    let reading: Promise<unknown> = Promise.resolve();
    await store.persist(
      { blocks: plainBlocks('0a', 3, 5) },
      {
        block: ({ lane, number }) => {
          seen = store.cursors.lanes.get(lane);
          reading = store.block(lane, number);
        },
      },
    );
    assert.equal(seen, { first: 3n, next: 5n });
    assert.equal(await reading, plainBlock('0a', 4));
    await store.close();
  }),
);

test(
  'a hook may persist: its round is planned behind all that was accepted, and settles by itself',
  onHeld(async (db) => {
    const store = await open(db);
    const ledger = new Ledger();
    db.hold();
    ledger.watch(
      'first',
      store.persist(
        { blocks: [plainBlock('0a', 0)] },
        { block: () => ledger.watch('nested', store.persist({ blocks: [plainBlock('0a', 2)] })) },
      ),
    );
    await db.held();
    ledger.watch('second', store.persist({ blocks: [plainBlock('0a', 1)] }));
    db.step();
    assert.equal(await ledger.soFar(), ['first']);
    db.release();
    await turns();
    assert.equal(await ledger.all(), ['first', 'second', 'nested']);
    assert.equal(store.cursors.lanes.get('0a'), { first: 0n, next: 3n });
    assert.is(db.batches.length, 3, 'creation, the first round, the other two together');
    await store.close();
  }),
);

test(
  'a refused call rejects at once, behind a held write too, and leaves the accepted ones alone',
  onHeld(async (db) => {
    const store = await open(db);
    db.hold();
    const ledger = new Ledger();
    ledger.watch('first', store.persist({ blocks: [plainBlock('0a', 0)] }));
    await db.held();
    await refused(store.persist({ blocks: [plainBlock('0a', 2)] }), 'LANESTORE_OUT_OF_SEQUENCE');
    await refused(store.persist({ blocks: [plainBlock('0a', 0)] }), 'LANESTORE_OUT_OF_SEQUENCE');
    await refused(store.persist({ commitQCs: [plainQC(1)] }), 'LANESTORE_OUT_OF_SEQUENCE');
    ledger.watch('second', store.persist({ blocks: [plainBlock('0a', 1)], commitQCs: [plainQC(0)] }));
    assert.equal(await ledger.soFar(), []);
    db.release();
    assert.equal(await ledger.all(), ['first', 'second']);
    await store.close();
  }),
);

test(
  'an empty round does not overtake a batch that settles while the next one already waits for a slow drop',
  onHeld(async (db) => {
    const store = await open(db);
    await store.persist({ blocks: plainBlocks('0a', 0, 5000) });
    const ledger = new Ledger();
    db.holdKeys();
    ledger.watch('drop', store.dropLanes(['0a']));
    await db.keysHeld();
    db.hold();
    ledger.watch('small', store.persist({ blocks: [plainBlock('0b', 0)] }));
    await db.held();
    ledger.watch('empty', store.persist({}));
    ledger.watch('large', store.persist({ blocks: [plainBlock('0a', 0, new Uint8Array(512 * 1024))] }));
    db.release();
    assert.equal(await ledger.soFar(), ['small', 'empty']);
    db.releaseKeys();
    assert.equal(await ledger.all(), ['small', 'empty', 'drop', 'large']);
    await store.close();
  }),
);

test.run();
