/**
 * Calls that overlap: they are planned, and settle, in the order in which they were made
 * (docs/architecture.md, Rules of the planner, rule 6).
 */
import assert from 'node:assert/strict';
import { Cases } from './case.js';
import { Ledger, refused } from './expect.js';
import type { AnyAnchor } from './subject.js';

/** Cases of calls that overlap. */
export const orderingCases = new Cases('ordering');
const cases = orderingCases;

const counting = (count: number) => Array.from({ length: count }, (_, i) => `${i}`);

cases.add('each call is planned against the result of the earlier calls', async (stage) => {
  const calls = [
    stage.store.persist({ blocks: stage.blocks(0, 4, 6) }),
    stage.store.blocks.maybePruneAndPersistLane(stage.lane(0), stage.qc(0, { 0: 5 }), [stage.block(0, 6)]),
    stage.store.persist({ anchor: stage.anchor(2, { 0: 20, 1: 7 }) }),
    stage.store.persist({ blocks: [stage.block(0, 20), stage.block(1, 7)] }),
    stage.store.commitQCs.maybePruneAndPersist(undefined, stage.qcs(0, 4)),
  ];
  await Promise.all(calls);
  stage.expectCursors({ lanes: { 0: [20, 21], 1: [7, 8] }, qc: [2, 4] });
  await stage.expectStored({
    anchor: stage.anchor(2, { 0: 20, 1: 7 }),
    commitQCs: [stage.qc(2, { 0: 20, 1: 7 }), stage.qc(3)],
    blocks: { 0: stage.blocks(0, 20, 21), 1: stage.blocks(1, 7, 8) },
  });
});

cases.add('a call made by the iterable of another call is accepted before that call', async (stage) => {
  const ledger = new Ledger();
  function* persisting(from: number, index: number) {
    yield stage.block(0, from + 1);
    ledger.watch('inner', stage.store.persist({ blocks: [stage.block(0, from)], commitQCs: [stage.qc(index)] }));
    ledger.watch('drop', stage.store.dropLanes([stage.lane(1)]));
    yield stage.block(0, from + 2);
  }
  await stage.store.persist({ blocks: stage.blocks(1, 0, 3) });
  ledger.watch('outer', stage.store.persist({ blocks: persisting(0, 0), anchor: stage.anchor(1, { 0: 1 }) }));
  await refused(stage.store.persist({ blocks: [...persisting(3, 2), stage.block(0, 7)] }), 'LANESTORE_OUT_OF_SEQUENCE');
  assert.deepEqual([...(await ledger.settled())].sort(), ['drop', 'drop', 'inner', 'inner', 'outer']);
  stage.expectCursors({ lanes: { 0: [1, 4] }, qc: [1, 3] });
  await stage.expectStored({
    anchor: stage.anchor(1, { 0: 1 }),
    commitQCs: [stage.qc(1, { 0: 1 }), stage.qc(2)],
    blocks: { 0: stage.blocks(0, 1, 4) },
  });
});

cases.add('a hook may make calls: they come after all accepted calls', async (stage) => {
  const ledger = new Ledger();
  const hooks = {
    block: () => {
      if (ledger.lines.length > 0) return;
      ledger.lines.push('hook');
      ledger.watch('persist', stage.store.persist({ blocks: [stage.block(0, 4)] }));
      ledger.watch('drop', stage.store.dropLanes([stage.lane(0)]));
      ledger.watch('again', stage.store.persist({ blocks: [stage.block(0, 9)] }));
      ledger.watch('ready', stage.store.ready());
    },
  };
  const first = stage.store.persist({ blocks: stage.blocks(0, 0, 2) }, hooks);
  const second = stage.store.persist({ blocks: stage.blocks(0, 2, 4) });
  await Promise.all([first, second]);
  const lines = await ledger.settled();
  assert.deepEqual(
    lines.filter((line) => line !== 'ready'),
    ['hook', 'persist', 'drop', 'again'],
  );
  await stage.expectStored({ blocks: { 0: [stage.block(0, 9)] } });
});

cases.add('calls for one lane settle in order', async (stage) => {
  const ledger = new Ledger();
  for (let i = 0; i < 12; i++) {
    const blocks = i === 5 ? stage.blocks(0, 5, 105) : [stage.block(0, i < 5 ? i : i + 99)];
    const call =
      i % 2 === 0
        ? stage.store.persist({ blocks })
        : stage.store.blocks.maybePruneAndPersistLane(stage.lane(0), stage.qc(0, { 0: i }), blocks);
    ledger.watch(`${i}`, call);
  }
  assert.deepEqual(await ledger.settled(), counting(12));
  stage.expectCursors({ lanes: { 0: [11, 111] } });
});

cases.add('calls for the QC log settle in order, also for ignored CommitQCs', async (stage) => {
  const ledger = new Ledger();
  const seen: bigint[] = [];
  const note = () => void seen.push(stage.store.commitQCs.next);
  for (let i = 0; i < 6; i++) {
    ledger.watch(`${2 * i}`, stage.store.commitQCs.maybePruneAndPersist(undefined, [stage.qc(i)]));
    ledger.watch(`${2 * i + 1}`, stage.store.persist({ commitQCs: [stage.qc(0), stage.qc(i)] }, { commitQC: note }));
  }
  assert.deepEqual(await ledger.settled(), counting(12));
  for (const [i, next] of seen.entries()) assert.ok(next > BigInt(i >> 1), `hook ${i} fired when next was ${next}`);
  assert.equal(seen.length, 12);
});

cases.add('hooks of anchors fire in order, also for older anchors', async (stage) => {
  const fired: string[] = [];
  const hooks = { anchor: (anchor: AnyAnchor) => void fired.push(stage.nameOfAnchor(anchor)) };
  const indexes = [3, 1, 5, 5, 2, 6];
  await Promise.all(indexes.map((index) => stage.store.persist({ anchor: stage.anchor(index) }, hooks)));
  assert.deepEqual(
    fired,
    indexes.map((index) => `anchor ${index}`),
  );
  stage.expectCursors({ qc: [6, 7] });
});

cases.add('a round that plans nothing settles after all rounds accepted before it', async (stage) => {
  const ledger = new Ledger();
  for (let lane = 0; lane < 8; lane++) ledger.watch('block', stage.store.persist({ blocks: stage.blocks(lane, 0, 3) }));
  ledger.watch('empty', stage.store.persist({}));
  await ledger.settled();
  assert.deepEqual(ledger.lines, [...Array.from({ length: 8 }, () => 'block'), 'empty']);
});

cases.needing(['totalOrder'], 'calls of all kinds settle in the order in which they were made', async (stage) => {
  const ledger = new Ledger();
  const { store } = stage;
  const calls = [
    store.persist({ blocks: stage.blocks(0, 0, 50) }),
    store.persist({ commitQCs: [stage.qc(0)] }),
    store.persist({ commitQCs: [stage.qc(0)] }),
    store.persist({}),
    store.blocks.maybePruneAndPersistLane(stage.lane(1), undefined, [stage.block(1, 9)]),
    store.anchor.persist(stage.anchor(2)),
    store.anchor.persist(stage.anchor(1)),
    store.dropLanes([stage.lane(0)]),
    store.persist({ inner: new Uint8Array(1) }),
    store.dropLanes([]),
    store.commitQCs.maybePruneAndPersist(undefined, []),
    store.persist({ blocks: [stage.block(0, 3), stage.block(1, 10)] }),
    store.blocks.maybePruneAndPersistLane(stage.lane(2), stage.qc(0), []),
  ];
  for (const [i, call] of calls.entries()) ledger.watch(`${i}`, call);
  assert.deepEqual(await ledger.settled(), counting(13));
  stage.expectCursors({ lanes: { 0: [3, 4], 1: [9, 11] }, qc: [2, 3] });
});

cases.needing(['totalOrder'], 'hooks fire in the order of the calls', async (stage) => {
  const fired: string[] = [];
  const hooks = {
    anchor: () => void fired.push('anchor'),
    commitQC: () => void fired.push('commitQC'),
    block: () => void fired.push('block'),
  };
  await Promise.all([
    stage.store.persist({ blocks: stage.blocks(0, 0, 2) }, hooks),
    stage.store.persist({ commitQCs: [stage.qc(0)] }, hooks),
    stage.store.persist({ anchor: stage.anchor(0) }, hooks),
    stage.store.persist({ commitQCs: [stage.qc(0)] }, hooks),
    stage.store.persist({ blocks: stage.blocks(1, 0, 1) }, hooks),
  ]);
  assert.deepEqual(fired, ['block', 'block', 'commitQC', 'anchor', 'commitQC', 'block']);
});

cases.add('refused calls do not affect accepted calls before and after them', async (stage) => {
  const ledger = new Ledger();
  const refusals: Promise<void>[] = [];
  for (let i = 0; i < 5; i++) {
    ledger.watch(`${i}`, stage.store.persist({ commitQCs: [stage.qc(i)], blocks: [stage.block(0, i)] }));
    const gap = stage.store.persist({ commitQCs: [stage.qc(i + 1)], blocks: [stage.block(0, i + 2)] });
    refusals.push(refused(gap, 'LANESTORE_OUT_OF_SEQUENCE', [i + 2, i + 1]));
    const duplicate = stage.store.blocks.maybePruneAndPersistLane(stage.lane(0), undefined, [stage.block(0, i)]);
    refusals.push(refused(duplicate, 'LANESTORE_OUT_OF_SEQUENCE', [i, i + 1]));
  }
  await Promise.all(refusals);
  assert.deepEqual(await ledger.settled(), counting(5));
  stage.expectCursors({ lanes: { 0: [0, 5] }, qc: [0, 5] });
  await stage.expectStored({ commitQCs: stage.qcs(0, 5), blocks: { 0: stage.blocks(0, 0, 5) } });
});

cases.add('the durable cursors do not include a call that is not durable yet', async (stage) => {
  await stage.store.persist({ commitQCs: [stage.qc(0)], blocks: [stage.block(0, 0)] });
  const call = stage.store.persist({ commitQCs: [stage.qc(1)], blocks: [stage.block(0, 1), stage.block(1, 0)] });
  stage.expectCursors({ lanes: { 0: [0, 1] }, qc: [0, 1] });
  await call;
  stage.expectCursors({ lanes: { 0: [0, 2], 1: [0, 1] }, qc: [0, 2] });
});

cases.add('returned cursors do not change afterwards', async (stage) => {
  await stage.store.persist({ commitQCs: [stage.qc(0)], blocks: stage.blocks(0, 0, 2) });
  const { cursors } = stage.store;
  await stage.store.persist({ anchor: stage.anchor(3, { 0: 1 }), blocks: [stage.block(0, 2), stage.block(1, 0)] });
  assert.equal(stage.cursorText(cursors), 'qc [0,1); lane 0 [0,2)');
});

cases.add('cursors and commitQCs.next never decrease while calls are in flight', async (stage) => {
  const seen: bigint[] = [];
  const look = () => {
    const { lanes, commitQCs } = stage.store.cursors;
    const lane = lanes.get(stage.lane(0));
    seen.push((lane?.first ?? 0n) * 1_000_000n + (lane?.next ?? 0n) * 1000n + commitQCs.next);
  };
  const calls: Promise<void>[] = [];
  for (let i = 0; i < 10; i++) {
    const anchor = i % 3 === 2 ? stage.anchor(i - 1, { 0: 2 * i }) : undefined;
    const round = { anchor, commitQCs: [stage.qc(i)], blocks: stage.blocks(0, 2 * i, 2 * i + 2) };
    calls.push(stage.store.persist(round, { block: look, commitQC: look }).then(look));
  }
  await Promise.all(calls);
  assert.deepEqual(
    seen,
    [...seen].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)),
  );
  stage.expectCursors({ lanes: { 0: [16, 20] }, qc: [7, 10] });
});
