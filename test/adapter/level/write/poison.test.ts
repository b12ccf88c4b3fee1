/**
 * A rejected write poisons the store: later calls fail with the first cause, only close() works,
 * and the store can be opened again (docs/design.md, Rejected writes).
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LevelStore, openLevel } from '../../../../src/adapter/level/index.js';
import { refused } from '../../../support/faults.js';
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

const test = suite('queue: poison');

const DISK_FULL = new Error('ENOSPC: no space left on device');

type Store = LevelStore<PlainBlock, PlainQC, PlainAnchor>;

function open(db: HeldLevel, options: { maxMergeBytes?: number } = {}): Promise<Store> {
  return openLevel({ db, model: plain, ...options });
}

/** Every call that a poisoned store must refuse. */
const CALLS: Record<string, (store: Store) => Promise<unknown>> = {
  persist: (store) => store.persist({ blocks: [plainBlock('0a', 1)] }),
  'an empty persist': (store) => store.persist({}),
  lane: (store) => store.blocks.maybePruneAndPersistLane('0a', undefined, []),
  commitQCs: (store) => store.commitQCs.maybePruneAndPersist(undefined, []),
  anchor: (store) => store.anchor.persist(plainAnchor(9)),
  dropLanes: (store) => store.dropLanes(['0a']),
  ready: (store) => store.ready(),
  block: (store) => store.block('0a', 0n),
  commitQC: (store) => store.commitQC(0n),
  readBlocks: (store) => store.readBlocks('0a').next(),
  readCommitQCs: (store) => store.readCommitQCs().next(),
};

/** Every call fails with LANESTORE_FAILED and `cause`. */
async function assertPoisoned(store: Store, cause: unknown): Promise<void> {
  for (const [name, call] of Object.entries(CALLS)) {
    const error = await refused(call(store), 'LANESTORE_FAILED');
    assert.is(error.cause, cause, name);
  }
}

test(
  'a rejected write rejects its round and all queued ones with the first cause; no hook fires, no cursor moves',
  onHeld(async (db) => {
    const store = await open(db, { maxMergeBytes: 100 });
    await store.persist({ blocks: [plainBlock('0a', 0)], commitQCs: [plainQC(0)] });
    const before = { cursors: store.cursors, content: await db.content(), batches: db.batches.length };
    const ledger = new Ledger();
    const hook = () => void ledger.settled.push('a hook fired');
    db.hold();
    ledger.watch('in flight', store.persist({ blocks: [plainBlock('0a', 1)] }, { block: hook }));
    await db.held();
    ledger.watch(
      'queued',
      store.persist({ blocks: [plainBlock('0a', 2)], commitQCs: [plainQC(1)] }, { block: hook, commitQC: hook }),
    );
    ledger.watch('repeated', store.persist({ commitQCs: [plainQC(0)] }, { commitQC: hook }));
    ledger.watch('large', store.persist({ blocks: [plainBlock('0b', 0, new Uint8Array(500))] }, { block: hook }));
    ledger.watch('drop', store.dropLanes(['0a']));
    ledger.watch('empty', store.persist({}));
    db.reject(DISK_FULL);
    const all = ['in flight', 'queued', 'repeated', 'large', 'drop', 'empty'];
    assert.equal(
      await ledger.all(),
      all.map((name) => `${name}: LANESTORE_FAILED`),
    );
    await turns();
    assert.is(db.batches.length, before.batches + 1, 'nothing was written after it');
    assert.equal(store.cursors, before.cursors);
    assert.equal(await db.content(), before.content);
    await assertPoisoned(store, DISK_FULL);
    db.release();
    await store.close();
  }),
);

test(
  'the first cause stays when closing, and the second one of a later call is not shown',
  onHeld(async (db) => {
    const store = await open(db);
    db.failAfter(0, DISK_FULL);
    await refused(store.persist({ blocks: [plainBlock('0a', 0)] }), 'LANESTORE_FAILED', /ENOSPC/);
    db.failAfter(0, new Error('another one'));
    await assertPoisoned(store, DISK_FULL);
    await store.close();
    await store.close();
    await refused(store.persist({}), 'LANESTORE_CLOSED');
  }),
);

test(
  'after close the same database opens and takes the same rounds; what was acknowledged is there',
  onHeld(async (db) => {
    const store = await open(db);
    await store.persist({ blocks: plainBlocks('0a', 0, 3) });
    await store.anchor.persist(plainAnchor(2, { '0a': 1 }));
    db.failAfter(0, DISK_FULL);
    const round = { blocks: plainBlocks('0a', 3, 5), commitQCs: [plainQC(3)] };
    await refused(store.persist(round), 'LANESTORE_FAILED');
    await refused(openLevel({ db, model: plain }), 'LANESTORE_LOCKED');
    await store.close();
    db.mend();
    const again = await open(db);
    assert.equal(again.cursors, {
      lanes: new Map([['0a', { first: 1n, next: 3n }]]),
      commitQCs: { first: 2n, next: 3n },
    });
    await again.persist(round);
    assert.equal(again.cursors, {
      lanes: new Map([['0a', { first: 1n, next: 5n }]]),
      commitQCs: { first: 2n, next: 4n },
    });
    await again.close();
  }),
);

test(
  'a write that happened and was reported as failed is not acknowledged; the reopened store shows it whole',
  onHeld(async (db) => {
    const store = await open(db);
    const ledger = new Ledger();
    db.hold('after');
    ledger.watch('round', store.persist({ blocks: plainBlocks('0a', 0, 3), commitQCs: [plainQC(0)] }));
    await db.held();
    db.reject(DISK_FULL);
    assert.equal(await ledger.all(), ['round: LANESTORE_FAILED']);
    assert.is(store.cursors.lanes.size, 0);
    db.release();
    await store.close();
    const again = await open(db);
    assert.equal(again.takeRecovered().blocks.get('0a'), plainBlocks('0a', 0, 3));
    assert.is(again.commitQCs.next, 1n);
    await again.close();
  }),
);

test(
  'close() that waits for a write which is then rejected resolves, and frees the database',
  onHeld(async (db) => {
    const store = await open(db);
    const ledger = new Ledger();
    db.hold();
    ledger.watch('round', store.persist({ blocks: [plainBlock('0a', 0)] }));
    await db.held();
    ledger.watch('close', store.close());
    assert.equal(await ledger.soFar(), []);
    db.reject(DISK_FULL);
    assert.equal(await ledger.all(), ['round: LANESTORE_FAILED', 'close']);
    db.release();
    await (await open(db)).close();
  }),
);

test(
  'a write that is rejected while a lane is dropped slowly rejects the drop and the rounds behind it',
  onHeld(async (db) => {
    for (const failing of [0, 1, 2, 10, 21]) {
      const copy = await largeLane(db);
      const store = await open(copy);
      copy.failAfter(failing, DISK_FULL);
      const ledger = new Ledger();
      ledger.watch('drop', store.dropLanes(['0a']));
      ledger.watch('behind', store.persist({ blocks: [plainBlock('0a', 0)] }));
      assert.equal(
        new Set(await ledger.all()),
        new Set(['drop: LANESTORE_FAILED', 'behind: LANESTORE_FAILED']),
        `${failing}`,
      );
      await assertPoisoned(store, DISK_FULL);
      await store.close();
      copy.mend();
      const again = await open(copy);
      await again.dropLanes(['0a']);
      assert.is(again.cursors.lanes.size, 0);
      await again.close();
      assert.equal([...(await copy.content()).keys()], ['meta/schema', 'meta/tip', 'votes', 'votes/lanes']);
      await copy.close();
    }
  }),
);

test(
  'a read that fails while the sweeper looks for keys poisons the store: the disk does not read',
  onHeld(async (db) => {
    const copy = await largeLane(db);
    const store = await open(copy);
    copy.holdKeys();
    await store.anchor.persist(plainAnchor(0, { '0a': 2 ** 40 }));
    await copy.keysHeld();
    const failure = new Error('EIO');
    copy.failKeys(failure);
    await turns();
    await assertPoisoned(store, failure);
    copy.releaseKeys();
    await store.close();
    const again = await open(copy);
    assert.equal(again.cursors.lanes.get('0a'), { first: 2n ** 40n, next: 2n ** 40n });
    await again.close();
    await copy.close();
  }),
);

/** A copy of a database with a lane of 5,000 blocks; `db` keeps the original, made once. */
async function largeLane(db: HeldLevel): Promise<HeldLevel> {
  if (db.batches.length === 0) {
    const store = await open(db);
    await store.persist({ blocks: plainBlocks('0a', 0, 5000) });
    await store.close();
  }
  return db.crashed();
}

for (const [what, fail] of Object.entries({
  'search for keys': async (db: HeldLevel) => db.failKeys(DISK_FULL),
  'sweep that is written': async (db: HeldLevel) => {
    db.hold();
    db.releaseKeys();
    await db.held();
    db.reject(DISK_FULL);
  },
})) {
  test(
    `a slow drop whose ${what} fails settles before the calls that wait for it`,
    onHeld(async (db) => {
      const store = await open(db);
      await store.persist({ blocks: plainBlocks('0a', 0, 5000) });
      const ledger = new Ledger();
      db.holdKeys();
      ledger.watch('drop', store.dropLanes(['0a']));
      ledger.watch('blocked', store.persist({ blocks: [plainBlock('0a', 0)] }));
      ledger.watch('after it', store.persist({ blocks: [plainBlock('0b', 0)] }));
      await db.keysHeld();
      await fail(db);
      assert.equal(
        await ledger.all(),
        ['drop', 'blocked', 'after it'].map((name) => `${name}: LANESTORE_FAILED`),
      );
      db.release();
      await store.close();
    }),
  );
}

test.run();
