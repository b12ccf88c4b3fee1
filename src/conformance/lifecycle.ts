/**
 * The life of a store: closing, calls after close() or a failure, room in the queue, exclusive
 * opening.
 */
import assert from 'node:assert/strict';
import type { LanestoreErrorCode } from '../index.js';
import { Cases } from './case.js';
import { Ledger, refused, rejection, turns } from './expect.js';
import type { Stage } from './stage.js';
import type { AnyCommitQC } from './subject.js';

/** Cases of {@link Persistence.close} and {@link Persistence.ready}, of limits and of locks. */
export const lifecycleCases = new Cases('lifecycle');
const cases = lifecycleCases;

/**
 * Checks that every call of the port except close() is refused with `code`, also calls that would
 * store nothing.
 */
async function expectRefusing(stage: Stage, code: LanestoreErrorCode): Promise<void> {
  const { store } = stage;
  await refused(store.persist({ blocks: [stage.block(7, 0)] }), code);
  await refused(store.persist({}), code);
  await refused(store.blocks.maybePruneAndPersistLane(stage.lane(7), undefined, []), code);
  await refused(store.commitQCs.maybePruneAndPersist(stage.qc(0), []), code);
  await refused(store.anchor.persist(stage.anchor(0)), code);
  await refused(store.dropLanes([stage.lane(7)]), code);
  await refused(store.ready(), code);
}

cases.add('close() is idempotent, concurrently and later', async (stage) => {
  await stage.store.persist({ blocks: [stage.block(0, 0)] });
  await Promise.all([stage.store.close(), stage.store.close()]);
  await stage.store.close();
});

cases.add('a closed store refuses everything', async (stage) => {
  await stage.store.persist({ blocks: [stage.block(0, 0)] });
  await stage.store.close();
  await expectRefusing(stage, 'LANESTORE_CLOSED');
  if (!stage.features.durable) return;
  await stage.open();
  stage.expectRecovered({ blocks: { 0: stage.blocks(0, 0, 1) } });
});

cases.add('a store that is closing refuses everything at once', async (stage) => {
  const accepted = stage.store.persist({ blocks: [stage.block(0, 0)] });
  const closing = stage.store.close();
  const refusals = [
    refused(stage.store.persist({ blocks: [stage.block(0, 1)] }), 'LANESTORE_CLOSED'),
    refused(stage.store.ready(), 'LANESTORE_CLOSED'),
  ];
  await Promise.all([accepted, closing, ...refusals]);
});

cases.add('close() waits for accepted rounds, and their hooks fire', async (stage) => {
  const ledger = new Ledger();
  let fired = 0;
  for (let i = 0; i < 5; i++) {
    const round = { blocks: [stage.block(0, i), stage.block(1, i)] };
    ledger.watch('round', stage.store.persist(round, { block: () => void fired++ }));
  }
  await stage.store.close();
  // The watched promises may settle a few microtasks after close(): wait one turn for them.
  await turns(1);
  assert.deepEqual(ledger.lines, ['round', 'round', 'round', 'round', 'round']);
  assert.equal(fired, 10);
  if (!stage.features.durable) return;
  await stage.open();
  stage.expectRecovered({ blocks: { 0: stage.blocks(0, 0, 5), 1: stage.blocks(1, 0, 5) } });
});

cases.add('a call whose own iterable closes the store is refused, and nothing of it is stored', async (stage) => {
  let closing: Promise<void> | undefined;
  function* closingAfter<T>(...entries: T[]): Generator<T> {
    yield* entries.slice(0, 1);
    closing = stage.store.close();
    yield* entries.slice(1);
  }
  const qcs = () => closingAfter(stage.qc(0), stage.qc(1)) as unknown as readonly AnyCommitQC[];
  const blocks = () => closingAfter(...stage.blocks(0, 2, 4));
  const calls = [
    () => stage.store.persist({ anchor: stage.anchor(0), inner: new Uint8Array(2), blocks: blocks() }),
    () => stage.store.persist({ commitQCs: qcs(), blocks: [stage.block(1, 0)] }),
    () =>
      stage.store.persist({
        blocks: stage.blocks(0, 2, 4),
        get inner() {
          closing = stage.store.close();
          return new Uint8Array(2);
        },
      }),
    () => stage.store.blocks.maybePruneAndPersistLane(stage.lane(0), undefined, blocks()),
    () => stage.store.commitQCs.maybePruneAndPersist(undefined, qcs()),
    () => stage.store.dropLanes(closingAfter(stage.lane(0), stage.lane(1))),
  ];
  await stage.store.persist({ blocks: stage.blocks(0, 0, 2) });
  for (const call of calls) {
    await refused(call(), 'LANESTORE_CLOSED');
    await closing;
    if (!stage.features.durable) return;
    await stage.expectStored({ blocks: { 0: stage.blocks(0, 0, 2) } });
  }
});

cases.add('a hook may close the store: accepted rounds are stored completely', async (stage) => {
  let closing: Promise<void> | undefined;
  const first = stage.store.persist(
    { blocks: stage.blocks(0, 0, 3) },
    {
      block: () => {
        closing = stage.store.close();
      },
    },
  );
  const second = stage.store.persist({
    blocks: [...stage.blocks(0, 3, 5), stage.block(1, 0)],
    commitQCs: [stage.qc(0)],
  });
  await Promise.all([first, second]);
  await closing;
  if (!stage.features.durable) return;
  await stage.open();
  stage.expectRecovered({ commitQCs: stage.qcs(0, 1), blocks: { 0: stage.blocks(0, 0, 5), 1: [stage.block(1, 0)] } });
});

cases.add('leaving an `await using` block closes', async (stage) => {
  const { store } = stage;
  const accepted = store.persist({ blocks: [stage.block(0, 0)] });
  await store[Symbol.asyncDispose]();
  await accepted;
  await refused(store.persist({}), 'LANESTORE_CLOSED');
  await store[Symbol.asyncDispose]();
});

cases.add('ready() resolves while there is room, and rejects if its signal is aborted', async (stage) => {
  await stage.store.ready();
  const accepted = stage.store.persist({ blocks: [stage.block(0, 0)] });
  await stage.store.ready(new AbortController().signal);
  await accepted;
  const reason = new Error('no longer');
  assert.equal(await rejection(stage.store.ready(AbortSignal.abort(reason))), reason);
});

cases.needing(
  ['exclusive'],
  'a second opener is LANESTORE_LOCKED and changes nothing; after close() the place can be opened',
  async (stage) => {
    await stage.store.persist({ blocks: [stage.block(0, 0)] });
    for (let i = 0; i < 2; i++) await refused(openSecond(stage), 'LANESTORE_LOCKED');
    await stage.store.persist({ blocks: [stage.block(0, 1)] });
    await stage.expectStored({ blocks: { 0: stage.blocks(0, 0, 2) } });
  },
);

/** Opens the place a second time, and closes the store if that succeeds. */
async function openSecond(stage: Stage): Promise<void> {
  const second = await stage.place.open({});
  await second.close();
}

cases.needing(
  ['limits'],
  'a round beyond maxRoundBytes is LANESTORE_INVALID, and nothing of it is stored',
  async (stage) => {
    await stage.reopen({ maxRoundBytes: 20_000 });
    await stage.store.persist({ inner: new Uint8Array(10_000).fill(1) });
    const large = { inner: new Uint8Array(30_000).fill(2), commitQCs: [stage.qc(0)], blocks: [stage.block(0, 0)] };
    await refused(stage.store.persist(large), 'LANESTORE_INVALID');
    stage.expectCursors({});
    await stage.store.persist({ blocks: [stage.block(0, 9)] });
    await stage.expectStored({ inner: new Uint8Array(10_000).fill(1), blocks: { 0: stage.blocks(0, 9, 10) } });
  },
);

cases.needing(
  ['limits'],
  'a round without room is LANESTORE_CAPACITY, and nothing of it is stored; ready() waits for room',
  async (stage) => {
    await stage.reopen({ maxQueuedBytes: 20_000 });
    const first = stage.store.persist({ inner: new Uint8Array(15_000).fill(1), blocks: [stage.block(0, 0)] });
    const second = () => stage.store.persist({ inner: new Uint8Array(15_000).fill(2), blocks: [stage.block(0, 1)] });
    await refused(second(), 'LANESTORE_CAPACITY');
    await stage.store.ready();
    await first;
    stage.expectCursors({ lanes: { 0: [0, 1] } });
    await second();
    await stage.expectStored({ inner: new Uint8Array(15_000).fill(2), blocks: { 0: stage.blocks(0, 0, 2) } });
  },
);

cases.needing(
  ['limits'],
  'ready() that waits for room rejects when the store closes or its signal aborts',
  async (stage) => {
    await stage.reopen({ maxQueuedBytes: 20_000 });
    const accepted = stage.store.persist({ inner: new Uint8Array(19_000) });
    const control = new AbortController();
    const reason = new Error('no longer');
    const aborted = rejection(stage.store.ready(control.signal));
    const closed = refused(stage.store.ready(), 'LANESTORE_CLOSED');
    control.abort(reason);
    const closing = stage.store.close();
    assert.equal(await aborted, reason);
    await Promise.all([closed, accepted, closing]);
  },
);

cases.needing(
  ['refuseWrites'],
  'a failed write fails all waiting and later calls with LANESTORE_FAILED; close() works',
  async (stage) => {
    await stage.store.persist({ commitQCs: [stage.qc(0)], blocks: stage.blocks(0, 0, 2) });
    stage.place.refuseWrites!();
    let fired = 0;
    const hooks = { anchor: () => void fired++, commitQC: () => void fired++, block: () => void fired++ };
    const calls = [
      stage.store.persist(
        { anchor: stage.anchor(0, { 0: 1 }), commitQCs: [stage.qc(1)], blocks: [stage.block(0, 2)] },
        hooks,
      ),
      stage.store.persist({ blocks: [stage.block(0, 3)] }, hooks),
      stage.store.persist({ commitQCs: [stage.qc(2)] }, hooks),
      stage.store.persist({ commitQCs: [stage.qc(0)] }, hooks),
      stage.store.persist({}, hooks),
    ];
    await Promise.all(calls.map((call) => refused(call, 'LANESTORE_FAILED')));
    assert.equal(fired, 0, 'no hook fires for what is not durable');
    stage.expectCursors({ lanes: { 0: [0, 2] }, qc: [0, 1] });
    await expectRefusing(stage, 'LANESTORE_FAILED');
    await stage.store.close();
    await refused(stage.store.persist({}), 'LANESTORE_CLOSED');
  },
);

cases.needing(
  ['refuseWrites', 'durable'],
  'after a failed write a reopened store has all acknowledged entries, and continues',
  async (stage) => {
    await stage.store.persist({ commitQCs: [stage.qc(0)], blocks: stage.blocks(0, 0, 2) });
    stage.place.refuseWrites!();
    await refused(stage.store.persist({ commitQCs: [stage.qc(1)], blocks: [stage.block(0, 2)] }), 'LANESTORE_FAILED');
    await stage.expectStored({ commitQCs: stage.qcs(0, 1), blocks: { 0: stage.blocks(0, 0, 2) } });
    await stage.store.persist({ commitQCs: [stage.qc(1)], blocks: [stage.block(0, 2)] });
    await stage.expectStored({ commitQCs: stage.qcs(0, 2), blocks: { 0: stage.blocks(0, 0, 3) } });
  },
);
