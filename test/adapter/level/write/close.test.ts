/** Closing: accepted calls become durable and settle; later calls are refused. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../../../src/adapter/level/index.js';
import { refused } from '../../../support/faults.js';
import { Ledger, onHeld, turns } from '../../../support/held-level.js';
import { plain, plainAnchor, plainBlock, plainBlocks, plainQC } from '../../../support/plain-model.js';

const test = suite('queue: close');

test(
  'close() waits for every accepted round, in flight and queued, and for its hooks; it settles last',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain, maxMergeBytes: 50 });
    const ledger = new Ledger();
    const hook = () => void ledger.settled.push('hook');
    db.hold();
    ledger.watch('1', store.persist({ blocks: [plainBlock('0a', 0)] }, { block: hook }));
    await db.held();
    ledger.watch('2', store.persist({ blocks: [plainBlock('0a', 1)] }, { block: hook }));
    ledger.watch('3', store.persist({}));
    ledger.watch('4', store.dropLanes(['0a']));
    ledger.watch('5', store.persist({ commitQCs: [plainQC(0)] }, { commitQC: hook }));
    const closing = store.close();
    ledger.watch('close', closing);
    assert.is(store.close(), closing, 'idempotent');
    ledger.watch('late', store.persist({ blocks: [plainBlock('0b', 0)] }));
    assert.equal(await ledger.soFar(), ['late: LANESTORE_CLOSED']);
    db.release();
    const settled = await ledger.all();
    assert.equal(
      settled.filter((line) => line !== 'hook'),
      ['late: LANESTORE_CLOSED', '1', '2', '3', '4', '5', 'close'],
    );
    assert.is(settled.filter((line) => line === 'hook').length, 3);
    const again = await openLevel({ db, model: plain });
    assert.equal(again.cursors, { lanes: new Map(), commitQCs: { first: 0n, next: 1n } });
    await again.close();
  }),
);

test(
  'after close() every call is LANESTORE_CLOSED, cursors stay readable, the caller’s database stays open',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain });
    await store.persist({ blocks: [plainBlock('0a', 4)] });
    await store.close();
    const calls: (() => Promise<unknown>)[] = [
      () => store.persist({}),
      () => store.persist({ blocks: [plainBlock('0a', 9)] }),
      () => store.anchor.persist(plainAnchor(0)),
      () => store.blocks.maybePruneAndPersistLane('0a', undefined, []),
      () => store.commitQCs.maybePruneAndPersist(undefined, []),
      () => store.dropLanes(['0a']),
      () => store.ready(),
      () => store.block('0a', 4n),
      () => store.commitQC(0n),
      () => store.readBlocks('0a').next(),
      () => store.readCommitQCs().next(),
    ];
    for (const call of calls) await refused(call(), 'LANESTORE_CLOSED');
    assert.equal(store.cursors.lanes.get('0a'), { first: 4n, next: 5n });
    assert.is(db.status, 'open');
    assert.is(db.batches.length, 2);
  }),
);

test(
  'a store is closed at the end of its `await using` scope, and the next opener finds what it was given',
  onHeld(async (db) => {
    let round: Promise<void>;
    {
      await using store = await openLevel({ db, model: plain });
      round = store.persist({ blocks: plainBlocks('0a', 0, 3) });
    }
    await round;
    await using again = await openLevel({ db, model: plain });
    assert.equal(again.takeRecovered().blocks.get('0a'), plainBlocks('0a', 0, 3));
  }),
);

test(
  'a hook may close the store: what was accepted still settles, what the hook submits afterwards does not',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain });
    const ledger = new Ledger();
    db.hold();
    const close = () => {
      ledger.watch('close', store.close());
      ledger.watch('late', store.persist({}));
    };
    ledger.watch('1', store.persist({ blocks: [plainBlock('0a', 0)] }, { block: close }));
    await db.held();
    ledger.watch('2', store.persist({ blocks: [plainBlock('0a', 1)] }));
    db.release();
    await turns();
    const settled = await ledger.all();
    assert.equal(
      settled.filter((line) => line !== 'late: LANESTORE_CLOSED'),
      ['1', '2', 'close'],
    );
  }),
);

test(
  'close() waits for a slow drop and for the rounds behind it',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain });
    await store.persist({ blocks: plainBlocks('0a', 0, 5000) });
    const ledger = new Ledger();
    db.holdKeys();
    ledger.watch('drop', store.dropLanes(['0a']));
    ledger.watch('behind', store.persist({ blocks: [plainBlock('0a', 0)] }));
    ledger.watch('close', store.close());
    await db.keysHeld();
    assert.equal(await ledger.soFar(), []);
    db.releaseKeys();
    assert.equal(await ledger.all(), ['drop', 'behind', 'close']);
    const again = await openLevel({ db, model: plain });
    assert.equal(again.cursors.lanes, new Map([['0a', { first: 0n, next: 1n }]]));
    await again.close();
  }),
);

test(
  'close() does not wait for all of a sweep: what is left is swept by the next opener',
  onHeld(async (db) => {
    const store = await openLevel({ db, model: plain });
    await store.persist({ blocks: plainBlocks('0a', 0, 5000) });
    db.holdKeys();
    await store.anchor.persist(plainAnchor(0, { '0a': 6000 }));
    await db.keysHeld();
    const closing = store.close();
    await turns();
    db.releaseKeys();
    await closing;
    const left = [...(await db.content()).keys()].filter((key) => key.startsWith('lane/')).length;
    assert.ok(left > 0 && left < 5000 - 4096, `${left} are left`);
  }),
);

test.run();
