/**
 * Lanes that leave the committee: small ones are dropped in one batch, others are swept first while
 * rounds for other lanes continue.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LevelStore, openLevel } from '../../../../src/adapter/level/index.js';
import { METRICS_CHANNEL } from '../../../../src/metrics/channel.js';
import { refused } from '../../../support/faults.js';
import { type HeldLevel, Ledger, onHeld, sweepingEnds, tipOf, turns } from '../../../support/held-level.js';
import {
  type PlainAnchor,
  type PlainBlock,
  type PlainQC,
  plain,
  plainAnchor,
  plainBlock,
  plainBlocks,
} from '../../../support/plain-model.js';

const test = suite('queue: dropLanes');

type Store = LevelStore<PlainBlock, PlainQC, PlainAnchor>;

const LARGE = 5000;

function open(db: HeldLevel): Promise<Store> {
  return openLevel({ db, model: plain });
}

async function laneKeys(db: HeldLevel): Promise<string[]> {
  return [...(await db.content()).keys()].filter((key) => key.startsWith('lane/'));
}

/** The blocks that recovery finds in a lane. */
async function recovered(db: HeldLevel, lane: string): Promise<readonly PlainBlock[] | undefined> {
  const store = await open(db);
  const { blocks } = store.takeRecovered();
  await store.close();
  return blocks.get(lane);
}

test(
  'a part that is closed while lanes are being dropped stays closed',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain, durable: true });
    await store.persist({ blocks: plainBlocks('0a', 0, 3) });
    let closing: Promise<void> | undefined;
    const close = () => {
      closing ??= store.votes!.quarantine(['app'], 'a test');
    };
    subscribe(METRICS_CHANNEL, close);
    try {
      await store.dropLanes(['0a']);
    } finally {
      unsubscribe(METRICS_CHANNEL, close);
    }
    await closing;
    for (const { quarantine, laneFloors } of [store.votes!.planned, store.votes!.durable]) {
      assert.equal([quarantine?.parts, [...laneFloors]], [['app'], [['0a', 2n]]]);
    }
    await store.close();
  }),
);

test(
  'a lane that fits one batch is dropped at once: blocks and cursor in one batch, with the rounds around it',
  onHeld(async (db) => {
    const store = await open(db);
    await store.persist({ blocks: [...plainBlocks('0a', 3, 10), ...plainBlocks('0b', 0, 2)] });
    const ledger = new Ledger();
    const before = db.batches.length;
    ledger.watch('append', store.persist({ blocks: [plainBlock('0a', 10)] }));
    ledger.watch('drop', store.dropLanes(['0a']));
    ledger.watch('rejoin', store.persist({ blocks: [plainBlock('0a', 1, 'again')] }));
    assert.equal(await ledger.all(), ['append', 'drop', 'rejoin']);
    assert.is(db.batches.length, before + 1);
    assert.is(db.deletes(before, 'lane/0a/').length, 8);
    assert.equal(store.cursors.lanes.get('0a'), { first: 1n, next: 2n });
    await store.close();
    assert.equal(await recovered(db, '0a'), [plainBlock('0a', 1, 'again')]);
    assert.is((await laneKeys(db)).length, 3);
  }),
);

test(
  'a dropped lane never held anything: it rejoins at any number, or at its start in the stored anchor',
  onHeld(async (db) => {
    const store = await open(db);
    await store.persist({ blocks: [...plainBlocks('0a', 0, 4), ...plainBlocks('0b', 0, 4)] });
    await store.dropLanes(['0a']);
    assert.equal([...store.cursors.lanes.keys()], ['0b']);
    await store.persist({ blocks: [plainBlock('0a', 2, 'lower')] });
    await store.dropLanes(['0a', '0b']);
    await store.anchor.persist(plainAnchor(1, { '0a': 7 }));
    assert.is(store.cursors.lanes.size, 0, 'an anchor creates no cursor');
    await refused(store.persist({ blocks: [plainBlock('0a', 6)] }), 'LANESTORE_OUT_OF_SEQUENCE', /expects block 7$/);
    await refused(store.persist({ blocks: [plainBlock('0a', 8)] }), 'LANESTORE_OUT_OF_SEQUENCE', /expects block 7$/);
    await store.persist({ blocks: [plainBlock('0a', 7), plainBlock('0b', 99)] });
    await store.close();
    assert.equal(await recovered(db, '0a'), [plainBlock('0a', 7)]);
    assert.equal(await recovered(db, '0b'), [plainBlock('0b', 99)]);
  }),
);

test(
  'dropping twice, dropping an unknown lane, naming a lane twice: all resolve, in order, without a batch',
  onHeld(async (db) => {
    const store = await open(db);
    await store.persist({ blocks: plainBlocks('0a', 0, 2) });
    const before = db.batches.length;
    const ledger = new Ledger();
    ledger.watch('both', store.dropLanes(['0a', '0a', '0d']));
    ledger.watch('again', store.dropLanes(['0a']));
    ledger.watch('unknown', store.dropLanes(new Set(['0d'])));
    assert.equal(await ledger.all(), ['both', 'again', 'unknown']);
    await store.dropLanes(['0a']);
    assert.is(db.batches.length, before + 1);
    assert.is((await laneKeys(db)).length, 0);
    await store.close();
  }),
);

test(
  'a lane of 5,000 blocks is dropped slowly: a few hundred deletes a batch, and every key goes',
  onHeld(async (db) => {
    const store = await open(db);
    await store.persist({ blocks: [...plainBlocks('0a', 0, LARGE), plainBlock('0b', 0)] });
    const before = db.batches.length;
    await store.dropLanes(['0a']);
    assert.is(db.deletes(before, 'lane/0a/').length, LARGE);
    for (const batch of db.batches.slice(before))
      assert.ok(batch.length <= 500, `a batch of ${batch.length} operations`);
    assert.equal(
      (await laneKeys(db)).map((key) => key.slice(0, 8)),
      ['lane/0b/'],
    );
    assert.equal([...store.cursors.lanes.keys()], ['0b']);
    await store.close();
  }),
);

test(
  'a lane with stale keys that are not swept yet is dropped slowly, even with few blocks, and leaves no key',
  onHeld(async (db) => {
    const store = await open(db);
    await store.persist({ blocks: plainBlocks('0a', 0, LARGE) });
    db.holdKeys();
    await store.persist({ anchor: plainAnchor(0, { '0a': LARGE }), blocks: [plainBlock('0a', LARGE)] });
    await db.keysHeld();
    const ledger = new Ledger();
    ledger.watch('drop', store.dropLanes(['0a']));
    ledger.watch('rejoin', store.persist({ blocks: [plainBlock('0a', LARGE, 'again')] }));
    assert.equal(await ledger.soFar(), []);
    db.releaseKeys();
    assert.equal(await ledger.all(), ['drop', 'rejoin']);
    await sweepingEnds(db);
    assert.is((await laneKeys(db)).length, 1);
    await store.close();
    assert.equal(await recovered(db, '0a'), [plainBlock('0a', LARGE, 'again')]);
  }),
);

test(
  'while a lane is dropped slowly other lanes go on; a round for it, and all behind that round, wait',
  onHeld(async (db) => {
    const store = await open(db);
    await store.persist({ blocks: plainBlocks('0a', 0, LARGE) });
    const ledger = new Ledger();
    db.holdKeys();
    ledger.watch('drop', store.dropLanes(['0a']));
    ledger.watch('other 1', store.persist({ blocks: [plainBlock('0b', 0)] }));
    await db.keysHeld();
    ledger.watch('other 2', store.persist({ blocks: [plainBlock('0b', 1)] }));
    ledger.watch('empty', store.persist({}));
    assert.equal(await ledger.soFar(), ['other 1', 'other 2', 'empty']);
    ledger.watch('rejoin', store.persist({ blocks: [plainBlock('0a', 4)] }));
    ledger.watch('behind', store.persist({ blocks: [plainBlock('0b', 2)] }));
    ledger.watch('drop again', store.dropLanes(['0a']));
    assert.equal((await ledger.soFar()).slice(3), []);
    assert.equal(store.cursors.lanes.get('0b'), { first: 0n, next: 2n });
    db.releaseKeys();
    assert.equal((await ledger.all()).slice(3), ['drop', 'rejoin', 'behind', 'drop again']);
    assert.equal([...store.cursors.lanes.keys()], ['0b']);
    assert.is((await laneKeys(db)).length, 3);
    await store.close();
  }),
);

test(
  'rounds accepted before a slow drop are in front of it, also in the same tick; their hooks fire',
  onHeld(async (db) => {
    const store = await open(db);
    const ledger = new Ledger();
    const fired: bigint[] = [];
    const blocks = plainBlocks('0a', 0, LARGE);
    ledger.watch('fill', store.persist({ blocks }, { block: ({ number }) => void fired.push(number) }));
    ledger.watch('drop', store.dropLanes(['0a']));
    assert.equal(await ledger.all(), ['fill', 'drop']);
    assert.is(fired.length, LARGE);
    assert.equal([...(await db.content()).keys()], ['meta/schema', 'meta/tip', 'votes', 'votes/lanes']);
    await store.close();
  }),
);

test(
  'several lanes in one drop, together more than a batch may delete, then a round: the tip stays whole',
  onHeld(async (db) => {
    const store = await open(db);
    await store.persist({
      blocks: [...plainBlocks('0a', 0, 3000), ...plainBlocks('0b', 0, 3000), plainBlock('0c', 0)],
    });
    const ledger = new Ledger();
    const before = db.batches.length;
    ledger.watch('drop', store.dropLanes(['0a', '0b']));
    ledger.watch('append', store.persist({ blocks: [plainBlock('0c', 1)] }));
    await ledger.all();
    const tip = await tipOf(db);
    assert.equal(tip.lanes.get('0c'), { first: 0n, next: 2n, swept: 0n });
    for (const batch of db.batches.slice(before))
      assert.ok(batch.length <= 4096 + 10, `a batch of ${batch.length} operations`);
    await store.close();
    assert.equal(await recovered(db, '0c'), plainBlocks('0c', 0, 2));
    assert.is((await laneKeys(db)).length, 2);
  }),
);

test(
  'two slow drops in sequence both finish; a round for the second lane waits for the second only in its turn',
  onHeld(async (db) => {
    const store = await open(db);
    for (const lane of ['0a', '0b']) await store.persist({ blocks: plainBlocks(lane, 0, LARGE) });
    const ledger = new Ledger();
    ledger.watch('drop a', store.dropLanes(['0a']));
    ledger.watch('drop b', store.dropLanes(['0b']));
    ledger.watch('rejoin', store.persist({ blocks: [plainBlock('0b', 1), plainBlock('0a', 1)] }));
    assert.equal(await ledger.all(), ['drop a', 'drop b', 'rejoin']);
    assert.is((await laneKeys(db)).length, 2);
    await store.close();
  }),
);

/**
 * Drops a lane of 5,000 blocks slowly, runs `between` right after it, and opens the store as of
 * each batch.
 */
async function crashAtEachBatch(
  db: HeldLevel,
  between: (store: Store) => Promise<void>[],
  check: (store: Store) => Promise<void>,
): Promise<void> {
  const store = await open(db);
  await store.persist({ blocks: [...plainBlocks('0a', 0, LARGE), plainBlock('0b', 0)] });
  const from = db.batches.length;
  await Promise.all([store.dropLanes(['0a']), ...between(store)]);
  await turns();
  await store.close();
  const last = db.batches.length;
  for (const batches of new Set([from, from + 1, from + 2, last - 1, last])) {
    const crashed = await db.replay(batches);
    const again = await open(crashed);
    await check(again);
    await sweepingEnds(crashed);
    await again.close();
    await crashed.close();
  }
}

test(
  'after a crash between any two batches of a slow drop the store opens, and the lane can be dropped again',
  onHeld(async (db) => {
    const seen = new Set<string>();
    await crashAtEachBatch(
      db,
      () => [],
      async (store) => {
        const { blocks } = store.takeRecovered();
        const cursor = store.cursors.lanes.get('0a');
        seen.add(cursor === undefined ? 'gone' : cursor.first === cursor.next ? 'emptied' : 'there');
        assert.ok([undefined, LARGE].includes(blocks.get('0a')?.length), 'all blocks or none');
        assert.equal(blocks.get('0b'), [plainBlock('0b', 0)]);
        await store.dropLanes(['0a']);
        await store.persist({ blocks: [plainBlock('0a', 7)] });
      },
    );
    assert.equal([...seen], ['there', 'emptied', 'gone']);
  }),
);

test(
  'so it does when an anchor that names the lane arrives during the slow drop, wherever it has the lane begin',
  onHeld(async (db) => {
    for (const start of [1, 2 * LARGE]) {
      const copy = await db.crashed();
      await crashAtEachBatch(
        copy,
        (store) => [store.persist({ anchor: plainAnchor(0, { '0a': start }), blocks: [plainBlock('0b', 1)] })],
        async (store) => {
          store.takeRecovered();
          await store.dropLanes(['0a']);
        },
      );
      await copy.close();
    }
  }),
);

test.run();
