/**
 * Back-pressure: a round without room is refused, stores nothing and moves no cursor; ready()
 * resolves when there is room.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type LevelStore, openLevel } from '../../../../src/adapter/level/index.js';
import { refused } from '../../../support/faults.js';
import { type HeldLevel, Ledger, onHeld } from '../../../support/held-level.js';
import {
  type PlainAnchor,
  type PlainBlock,
  type PlainQC,
  plain,
  plainAnchor,
  plainBlock,
  plainQC,
} from '../../../support/plain-model.js';

const test = suite('queue: capacity');

type Store = LevelStore<PlainBlock, PlainQC, PlainAnchor>;

const KIB = 1024;

function sized(lane: string, number: number, bytes: number): PlainBlock {
  return plainBlock(lane, number, new Uint8Array(bytes));
}

/** A store that lets 10 KiB wait, with a round in flight that is held. */
async function busyStore(db: HeldLevel): Promise<{ store: Store; ledger: Ledger }> {
  const store = await openLevel({ db, model: plain, maxQueuedBytes: 10 * KIB });
  const ledger = new Ledger();
  db.hold();
  ledger.watch('in flight', store.persist({ blocks: [plainBlock('0f', 0)] }));
  await db.held();
  return { store, ledger };
}

test(
  'a round over maxQueuedBytes is LANESTORE_CAPACITY and not stored; it is accepted after ready()',
  onHeld(async (db) => {
    const { store, ledger } = await busyStore(db);
    const round = {
      anchor: plainAnchor(3, { '0a': 1 }),
      inner: new Uint8Array([9]),
      commitQCs: [plainQC(4)],
      blocks: [sized('0a', 1, 6 * KIB), sized('0b', 7, KIB)],
    };
    ledger.watch('queued', store.persist({ blocks: [sized('0a', 0, 6 * KIB)] }));
    await refused(store.persist(round), 'LANESTORE_CAPACITY', /wait for ready\(\)/);
    await refused(store.persist(round), 'LANESTORE_CAPACITY');
    ledger.watch('ready', store.ready());
    assert.equal(await ledger.soFar(), []);
    db.release();
    assert.equal(new Set(await ledger.all()), new Set(['in flight', 'queued', 'ready']));
    assert.equal(store.cursors.commitQCs, { first: 0n, next: 0n });
    await store.persist(round);
    assert.equal(store.cursors.commitQCs, { first: 3n, next: 5n });
    assert.equal([...store.cursors.lanes.keys()], ['0a', '0b', '0f']);
    await store.close();
  }),
);

test(
  'the planned cursors do not advance for a refused round: what it would have allowed is out of sequence',
  onHeld(async (db) => {
    const { store, ledger } = await busyStore(db);
    ledger.watch('queued', store.persist({ blocks: [sized('0a', 0, 8 * KIB)] }));
    await refused(store.persist({ blocks: [sized('0a', 1, 8 * KIB)] }), 'LANESTORE_CAPACITY');
    await refused(store.persist({ blocks: [plainBlock('0a', 2)] }), 'LANESTORE_OUT_OF_SEQUENCE', /expects block 1$/);
    ledger.watch('smaller', store.persist({ blocks: [plainBlock('0a', 1)] }));
    db.release();
    assert.equal(await ledger.all(), ['in flight', 'queued', 'smaller']);
    assert.equal(store.cursors.lanes.get('0a'), { first: 0n, next: 2n });
    await store.close();
  }),
);

test(
  'when nothing waits, one round of any size is accepted: it could never be stored otherwise',
  onHeld(async (db) => {
    const { store, ledger } = await busyStore(db);
    ledger.watch('huge', store.persist({ blocks: [sized('0a', 0, 100 * KIB)] }));
    await refused(store.persist({ blocks: [plainBlock('0b', 0)] }), 'LANESTORE_CAPACITY');
    db.release();
    assert.equal(await ledger.all(), ['in flight', 'huge']);
    await store.close();
  }),
);

test(
  'behind a round over the limit a drop finds no room either; the lane is not forgotten',
  onHeld(async (db) => {
    const { store, ledger } = await busyStore(db);
    ledger.watch('huge', store.persist({ blocks: [sized('0a', 5, 100 * KIB)] }));
    const dropped = store.dropLanes(['0a']).then(
      () => true,
      () => false,
    );
    await refused(store.persist({ blocks: [plainBlock('0a', 6)] }), 'LANESTORE_CAPACITY');
    db.release();
    await ledger.all();
    // In either case the planned state and the stored state must be equal.
    await store.persist({ blocks: [plainBlock('0a', (await dropped) ? 0 : 6)] });
    await store.close();
    await (await openLevel({ db, model: plain })).close();
  }),
);

test(
  'ready() resolves at once while there is room, in flight rounds not counted',
  onHeld(async (db) => {
    const { store, ledger } = await busyStore(db);
    ledger.watch('ready', store.ready());
    assert.equal(await ledger.soFar(), ['ready']);
    db.release();
    await ledger.all();
    await store.close();
  }),
);

test(
  'a caller that waits for ready() after each refusal succeeds, also with a round that fills the queue',
  onHeld(async (db) => {
    const { store, ledger } = await busyStore(db);
    ledger.watch('small', store.persist({ blocks: [plainBlock('0a', 0)] }));
    let refusals = 0;
    const insist = async () => {
      while (refusals < 20) {
        try {
          return await store.persist({ blocks: [sized('0b', 0, 10 * KIB)] });
        } catch {
          refusals++;
          await store.ready();
        }
      }
    };
    ledger.watch('large', insist());
    assert.equal(await ledger.soFar(), []);
    assert.is(refusals, 1, 'ready() must not say that there is room for what was just refused');
    db.release();
    assert.equal(await ledger.all(), ['in flight', 'small', 'large']);
    await store.close();
  }),
);

test(
  'ready() rejects with the reason of its signal, before and while it waits, and leaves other waiters alone',
  onHeld(async (db) => {
    const { store, ledger } = await busyStore(db);
    ledger.watch('queued', store.persist({ blocks: [sized('0a', 0, 8 * KIB)] }));
    await refused(store.persist({ blocks: [sized('0a', 1, 8 * KIB)] }), 'LANESTORE_CAPACITY');
    const controller = new AbortController();
    ledger.watch('aborted', store.ready(controller.signal));
    ledger.watch('other', store.ready(new AbortController().signal));
    assert.equal(await ledger.soFar(), []);
    controller.abort('enough');
    assert.equal(await ledger.soFar(), ['aborted: enough']);
    ledger.watch('too late', store.ready(controller.signal));
    assert.equal(await ledger.soFar(), ['aborted: enough', 'too late: enough']);
    db.release();
    assert.equal((await ledger.all()).slice(2).sort(), ['in flight', 'other', 'queued']);
    await store.close();
  }),
);

test(
  'ready() rejects with LANESTORE_CLOSED after close(), and with LANESTORE_FAILED after a rejected write',
  onHeld(async (db) => {
    for (const end of ['LANESTORE_CLOSED', 'LANESTORE_FAILED'] as const) {
      const { store, ledger } = await busyStore(db);
      ledger.watch('queued', store.persist({ blocks: [sized('0a', 0, 8 * KIB)] }));
      ledger.watch('ready', store.ready());
      let closing: Promise<void> | undefined;
      if (end === 'LANESTORE_CLOSED') closing = store.close();
      else db.reject(new Error('the disk is gone'));
      assert.ok((await ledger.soFar()).includes(`ready: ${end}`));
      db.release();
      await ledger.all();
      await closing;
      await refused(store.ready(), end);
      await store.close();
      if (end === 'LANESTORE_CLOSED') {
        const again = await openLevel({ db, model: plain });
        await again.dropLanes(['0a', '0f']);
        await again.close();
      }
    }
  }),
);

test.run();
