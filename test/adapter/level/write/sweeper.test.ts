/**
 * Truncation and sweeping: which keys the round's batch deletes, which the sweeper deletes, and
 * that numbers are never enumerated.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LevelStore, openLevel } from '../../../../src/adapter/level/index.js';
import { blockKey, commitQCKey } from '../../../../src/keys/index.js';
import { type HeldLevel, isSwept, onHeld, sweepingEnds, tipOf, turns, writeRaw } from '../../../support/held-level.js';
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

const test = suite('queue: sweeping');

type Store = LevelStore<PlainBlock, PlainQC, PlainAnchor>;

const FAR = 2n ** 40n;
const LARGE = 5000;
/**
 * The deletes of one batch for truncations (docs/design.md, Deletes). The tests only need to
 * truncate more.
 */
const TRUNCATED_AT_ONCE = 4096;

function open(db: HeldLevel): Promise<Store> {
  return openLevel({ db, model: plain });
}

async function keysOf(db: HeldLevel, prefix: string): Promise<string[]> {
  return [...(await db.content()).keys()].filter((key) => key.startsWith(prefix));
}

test(
  'a truncation within a batch deletes exactly its entries, in that batch, before the puts; no key is left',
  onHeld(async (db) => {
    const store = await open(db);
    await store.persist({ blocks: plainBlocks('0a', 10, 20), commitQCs: [0, 1, 2, 3].map((i) => plainQC(i)) });
    const before = db.batches.length;
    await store.persist({ anchor: plainAnchor(2, { '0a': 13 }), blocks: [plainBlock('0a', 20)] });
    assert.is(db.batches.length, before + 1);
    assert.equal(db.deletes(before), [0n, 1n].map(commitQCKey).concat([10n, 11n, 12n].map((n) => blockKey('0a', n))));
    assert.equal((await tipOf(db)).lanes.get('0a'), { first: 13n, next: 21n, swept: 13n });
    assert.equal((await keysOf(db, 'lane/')).length, 8);
    await store.close();
  }),
);

test(
  'an anchor at 2^40 after 5,000 blocks deletes exactly 5,000 block keys, each once, and leaves none',
  onHeld(async (db) => {
    const store = await open(db);
    await store.persist({ blocks: plainBlocks('0a', 0, LARGE) });
    const before = db.batches.length;
    await store.persist({ anchor: plainAnchor(FAR, { '0a': FAR }), blocks: [plainBlock('0a', FAR)] });
    assert.equal(store.cursors.lanes.get('0a'), { first: FAR, next: FAR + 1n });
    await sweepingEnds(db);
    const deletes = db.deletes(before, 'lane/');
    assert.is(deletes.length, LARGE);
    assert.is(new Set(deletes).size, LARGE);
    assert.equal(deletes.sort()[LARGE - 1], blockKey('0a', BigInt(LARGE - 1)));
    assert.equal(await keysOf(db, 'lane/'), [blockKey('0a', FAR)]);
    assert.equal((await tipOf(db)).lanes.get('0a'), { first: FAR, next: FAR + 1n, swept: FAR });
    assert.equal(await keysOf(db, 'qc/'), [commitQCKey(FAR)]);
    await store.close();
    const again = await open(db);
    assert.equal(again.takeRecovered().blocks.get('0a'), [plainBlock('0a', FAR)]);
    await again.close();
  }),
);

test(
  'the QC log is swept like a lane',
  onHeld(async (db) => {
    const store = await open(db);
    await store.persist({ commitQCs: Array.from({ length: LARGE }, (_, i) => plainQC(i)) });
    const before = db.batches.length;
    await store.anchor.persist(plainAnchor(FAR));
    await sweepingEnds(db);
    assert.is(db.deletes(before, 'qc/').length, LARGE);
    assert.equal(await keysOf(db, 'qc/'), [commitQCKey(FAR)]);
    await store.close();
  }),
);

test(
  'swept moves with the deletes, batch by batch: below it no key is left, between it and first all of them are',
  onHeld(async (db) => {
    const store = await open(db);
    await store.persist({ blocks: plainBlocks('0a', 0, LARGE) });
    const from = db.batches.length;
    await store.anchor.persist(plainAnchor(0, { '0a': LARGE - 100 }));
    await sweepingEnds(db);
    await store.close();
    const states: bigint[] = [];
    const state = await db.replay(from);
    for (const [i, batch] of db.batches.slice(from).entries()) {
      await writeRaw(state, batch);
      const { swept, first } = (await tipOf(state)).lanes.get('0a')!;
      const numbers = (await keysOf(state, 'lane/')).map((key) => BigInt(key.slice(-20)));
      assert.is(numbers[0], swept, `after batch ${from + i}`);
      assert.is(numbers.length, LARGE - Number(swept));
      assert.is(first, BigInt(LARGE - 100));
      states.push(swept);
    }
    await state.close();
    assert.equal(states, [4096n, 4352n, 4608n, 4864n, 4900n]);
  }),
);

test(
  'a sweep that a crash cut short goes on after reopening, and stale keys are not shown meanwhile',
  onHeld(async (db) => {
    const store = await open(db);
    await store.persist({ blocks: plainBlocks('0a', 0, LARGE) });
    db.holdKeys();
    await store.persist({ anchor: plainAnchor(0, { '0a': FAR }), blocks: [plainBlock('0a', FAR)] });
    await db.keysHeld();
    const crashed = await db.crashed();
    assert.is((await keysOf(crashed, 'lane/')).length, LARGE - TRUNCATED_AT_ONCE + 1);
    crashed.holdKeys();
    const opening = open(crashed);
    await crashed.keysHeld();
    crashed.releaseKeys();
    const again = await opening;
    assert.equal(again.takeRecovered().blocks.get('0a'), [plainBlock('0a', FAR)]);
    assert.is(await again.block('0a', 4500n), undefined);
    await sweepingEnds(crashed);
    assert.equal(await keysOf(crashed, 'lane/'), [blockKey('0a', FAR)]);
    await again.close();
    await crashed.close();
    db.releaseKeys();
    await store.close();
  }),
);

test(
  'a second jump while the first one is being swept leaves its own range to the sweeper too; no key stays',
  onHeld(async (db) => {
    const store = await open(db);
    await store.persist({ blocks: plainBlocks('0a', 0, LARGE) });
    const before = db.batches.length;
    db.holdKeys();
    await store.persist({ anchor: plainAnchor(0, { '0a': LARGE - 10 }), blocks: plainBlocks('0a', LARGE, LARGE + 10) });
    await db.keysHeld();
    const second = db.batches.length;
    await store.persist({ anchor: plainAnchor(1, { '0a': LARGE + 5 }), blocks: [plainBlock('0a', LARGE + 10)] });
    assert.equal(db.deletes(second, 'lane/'), [], 'swept must not jump over stale keys');
    assert.equal((await tipOf(db)).lanes.get('0a')?.swept, BigInt(TRUNCATED_AT_ONCE));
    db.releaseKeys();
    await sweepingEnds(db);
    assert.is(new Set(db.deletes(before, 'lane/')).size, LARGE + 5);
    assert.is(db.deletes(before, 'lane/').length, LARGE + 5);
    assert.is((await keysOf(db, 'lane/')).length, 6);
    await store.close();
    await (await open(db)).close();
  }),
);

test(
  'rounds go on while a sweep runs, sweeps ride along with them, and no put lands below swept or first',
  onHeld(async (db) => {
    const store = await open(db);
    await store.persist({ blocks: [...plainBlocks('0a', 0, LARGE), plainBlock('0b', 0)] });
    const from = db.batches.length;
    const rounds = [store.persist({ anchor: plainAnchor(0, { '0a': LARGE + 7 }) })];
    for (let i = 0; i < 12; i++) {
      rounds.push(store.persist({ blocks: [plainBlock('0a', LARGE + 7 + i), plainBlock('0b', i + 1)] }));
      await turns(1);
    }
    await Promise.all(rounds);
    await sweepingEnds(db);
    assert.ok(
      db.batches.slice(from).some((batch) => hasSweepAndPut(batch)),
      'one batch swept and stored',
    );
    await assertPutsAboveSwept(db, from);
    assert.is((await keysOf(db, 'lane/')).length, 12 + 13);
    await store.close();
  }),
);

function hasSweepAndPut(batch: HeldLevel['batches'][number]): boolean {
  const deletes = batch.some(({ type, key }) => type === 'del' && key.startsWith('lane/0a/'));
  return deletes && batch.some(({ type, key }) => type === 'put' && key.startsWith('lane/0b/'));
}

async function assertPutsAboveSwept(db: HeldLevel, from: number): Promise<void> {
  const state = await db.replay(from);
  for (const batch of db.batches.slice(from)) {
    const { lanes } = await tipOf(state);
    for (const { type, key } of batch) {
      const [prefix, lane, number] = key.split('/');
      if (type !== 'put' || prefix !== 'lane') continue;
      assert.ok(BigInt(number!) >= (lanes.get(lane!)?.first ?? 0n), `${key} is not below first`);
    }
    await writeRaw(state, batch);
  }
  await state.close();
}

test(
  'a lane that was dropped while stale keys were left rejoins below them: its blocks stay, the stale ones go',
  onHeld(async (db) => {
    const store = await open(db);
    await store.persist({ blocks: plainBlocks('0a', 0, LARGE) });
    db.holdKeys();
    await store.blocks.maybePruneAndPersistLane('0a', plainQC(0, { '0a': FAR }), []);
    await db.keysHeld();
    const done = [store.dropLanes(['0a']), store.persist({ blocks: plainBlocks('0a', 4500, 4510) })];
    db.releaseKeys();
    await Promise.all(done);
    assert.equal(
      await keysOf(db, 'lane/'),
      plainBlocks('0a', 4500, 4510).map(({ number }) => blockKey('0a', number)),
    );
    await store.close();
    const again = await open(db);
    assert.equal(again.takeRecovered().blocks.get('0a'), plainBlocks('0a', 4500, 4510));
    assert.ok(isSwept(await tipOf(db)));
    await again.close();
  }),
);

test.run();
