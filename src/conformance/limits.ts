/**
 * The number range: entries 0 to 2^64-2 can be stored, and the size of a gap does not affect the
 * cost. Limits that the caller sets: a call that exceeds one is refused as a whole, and the store
 * continues.
 */
import { ENTRY_NUMBER_MAX, U64_MAX } from '../index.js';
import { Cases } from './case.js';
import { refused } from './expect.js';

/** Cases of very high numbers, and of limits that the caller sets. */
export const limitCases = new Cases('limits');
const cases = limitCases;

const FAR = 2n ** 63n;

cases.add('a lane up to the highest number is full', async (stage) => {
  const first = ENTRY_NUMBER_MAX - 1n;
  await stage.store.persist({ blocks: stage.blocks(0, first, U64_MAX) });
  stage.expectCursors({ lanes: { 0: [first, U64_MAX] } });
  await refused(stage.store.persist({ blocks: [stage.block(0, U64_MAX)] }), 'LANESTORE_INVALID', [U64_MAX]);
  await refused(stage.store.persist({ blocks: [stage.block(0, 0)] }), 'LANESTORE_OUT_OF_SEQUENCE', [stage.lane(0), 0]);
  await stage.expectStored({ blocks: { 0: stage.blocks(0, first, U64_MAX) } });
  await stage.store.persist({ anchor: stage.anchor(0, { 0: ENTRY_NUMBER_MAX }) });
  stage.expectCursors({ lanes: { 0: [ENTRY_NUMBER_MAX, U64_MAX] }, qc: [0, 1] });
});

cases.add('a block beyond the highest number is LANESTORE_INVALID, also as the first block', async (stage) => {
  await refused(stage.store.persist({ blocks: [stage.block(0, U64_MAX)] }), 'LANESTORE_INVALID', [U64_MAX]);
  stage.expectCursors({});
});

cases.add('a lane can be emptied up to 2^64-1, and is then full', async (stage) => {
  const anchor = stage.anchor(0, { 0: U64_MAX });
  await stage.store.persist({ blocks: stage.blocks(0, 0, 3) });
  await stage.store.persist({ anchor });
  stage.expectCursors({ lanes: { 0: [U64_MAX, U64_MAX] }, qc: [0, 1] });
  for (const number of [3n, ENTRY_NUMBER_MAX]) {
    await refused(stage.store.persist({ blocks: [stage.block(0, number)] }), 'LANESTORE_OUT_OF_SEQUENCE', [number]);
  }
  await stage.expectStored({ anchor, commitQCs: [stage.commitQCOf(anchor)] });
});

cases.add('road indexes up to the highest can be stored, none beyond', async (stage) => {
  const anchor = stage.anchor(ENTRY_NUMBER_MAX);
  await stage.store.persist({ commitQCs: stage.qcs(0, 3) });
  await refused(stage.store.anchor.persist(stage.anchor(U64_MAX)), 'LANESTORE_INVALID', [U64_MAX]);
  await refused(stage.store.persist({ commitQCs: [stage.qc(U64_MAX)] }), 'LANESTORE_INVALID', [U64_MAX]);
  stage.expectCursors({ qc: [0, 3] });
  await stage.store.anchor.persist(anchor);
  stage.expectCursors({ qc: [ENTRY_NUMBER_MAX, U64_MAX] });
  await refused(stage.store.persist({ commitQCs: [stage.qc(U64_MAX)] }), 'LANESTORE_INVALID', [U64_MAX]);
  await stage.store.persist({ commitQCs: [stage.qc(ENTRY_NUMBER_MAX), stage.qc(5)] });
  stage.expectCursors({ qc: [ENTRY_NUMBER_MAX, U64_MAX] });
  await stage.expectStored({ anchor, commitQCs: [stage.commitQCOf(anchor)] });
});

cases.add('an anchor may skip half of all numbers, with blocks and CommitQCs after the gap', async (stage) => {
  await stage.store.persist({
    commitQCs: stage.qcs(0, 3),
    blocks: [...stage.blocks(0, 0, 5), ...stage.blocks(1, 0, 5)],
  });
  const anchor = stage.anchor(FAR, { 0: FAR, 1: 3, 2: FAR });
  await stage.store.persist({
    anchor,
    commitQCs: [stage.qc(FAR + 1n)],
    blocks: [stage.block(0, FAR), stage.block(1, 5), stage.block(2, FAR)],
  });
  stage.expectCursors({ lanes: { 0: [FAR, FAR + 1n], 1: [3, 6], 2: [FAR, FAR + 1n] }, qc: [FAR, FAR + 2n] });
  await stage.expectStored({
    anchor,
    commitQCs: [stage.commitQCOf(anchor), stage.qc(FAR + 1n)],
    blocks: { 0: [stage.block(0, FAR)], 1: stage.blocks(1, 3, 6), 2: [stage.block(2, FAR)] },
  });
});

cases.add('an emptied lane can skip numbers repeatedly', async (stage) => {
  await stage.store.persist({ blocks: stage.blocks(0, 0, 3) });
  let anchor = stage.anchor(0);
  for (const [i, start] of [2n ** 20n, 2n ** 40n, 2n ** 53n + 1n, FAR].entries()) {
    anchor = stage.anchor(i, { 0: start });
    await stage.store.persist({ anchor });
    stage.expectCursors({ lanes: { 0: [start, start] }, qc: [i, i + 1] });
  }
  await stage.expectStored({ anchor, commitQCs: [stage.commitQCOf(anchor)] });
  await stage.store.persist({ blocks: stage.blocks(0, FAR, FAR + 2n) });
  stage.expectCursors({ lanes: { 0: [FAR, FAR + 2n] }, qc: [3, 4] });
});

cases.add('entries are ordered by number, not as text: a lane across 9, 10, 99, 100', async (stage) => {
  const anchor = stage.anchor(9, { 0: 99 });
  const commitQCs = [...stage.qcs(0, 9), stage.commitQCOf(anchor), ...stage.qcs(10, 12)];
  await stage.store.persist({ commitQCs, blocks: stage.blocks(0, 8, 112) });
  await stage.store.persist({ anchor });
  stage.expectCursors({ lanes: { 0: [99, 112] }, qc: [9, 12] });
  await stage.expectStored({
    anchor,
    commitQCs: commitQCs.slice(9),
    blocks: { 0: stage.blocks(0, 99, 112) },
  });
});

cases.add('a lane across 2^32 and 2^53', async (stage) => {
  await stage.store.persist({
    blocks: [...stage.blocks(0, 2n ** 32n - 2n, 2n ** 32n + 2n), ...stage.blocks(1, 2n ** 53n - 2n, 2n ** 53n + 3n)],
  });
  await stage.expectStored({
    blocks: { 0: stage.blocks(0, 2n ** 32n - 2n, 2n ** 32n + 2n), 1: stage.blocks(1, 2n ** 53n - 2n, 2n ** 53n + 3n) },
  });
});

cases.needing(['limits'], 'a record of any kind that exceeds maxRecordBytes is LANESTORE_INVALID', async (stage) => {
  // Enough for a block from `make`, not for an inner state of 8 KiB.
  await stage.reopen({ maxRecordBytes: 4000 });
  const inner = new Uint8Array(8192).fill(1);
  await refused(stage.store.persist({ inner, blocks: [stage.block(0, 0)] }), 'LANESTORE_INVALID', [4000]);
  stage.expectCursors({});
  await stage.store.persist({ inner: inner.subarray(0, 3000), blocks: stage.blocks(0, 5, 25) });
  stage.expectCursors({ lanes: { 0: [5, 25] } });
  await stage.reopen({ maxRecordBytes: 8 });
  for (const round of [
    { blocks: [stage.block(0, 25)] },
    { commitQCs: [stage.qc(0, { 0: 1 })] },
    { anchor: stage.anchor(0, { 0: 1 }) },
  ]) {
    await refused(stage.store.persist(round), 'LANESTORE_INVALID', [8]);
  }
  await refused(
    stage.store.blocks.maybePruneAndPersistLane(stage.lane(0), undefined, [stage.block(0, 25)]),
    'LANESTORE_INVALID',
  );
  await stage.expectStored({ inner: inner.subarray(0, 3000), blocks: { 0: stage.blocks(0, 5, 25) } });
});

cases.needing(['planLimits'], 'an inner state that exceeds maxInnerBytes is LANESTORE_INVALID', async (stage) => {
  await stage.reopen({ maxInnerBytes: 100 });
  const inner = new Uint8Array(100).fill(7);
  await stage.store.persist({ inner });
  const tooLong = { inner: new Uint8Array(101), commitQCs: [stage.qc(0)] };
  await refused(stage.store.persist(tooLong), 'LANESTORE_INVALID', [100, 101]);
  stage.expectCursors({});
  await stage.expectStored({ inner });
});

cases.needing(
  ['planLimits'],
  'a lane beyond maxLanes is LANESTORE_INVALID until another is dropped; existing lanes continue',
  async (stage) => {
    await stage.reopen({ maxLanes: 2 });
    const twoLanes = [stage.block(0, 0), stage.block(1, 0)];
    await refused(stage.store.persist({ blocks: [...twoLanes, stage.block(2, 0)] }), 'LANESTORE_INVALID', [
      stage.lane(2),
      2,
    ]);
    stage.expectCursors({});
    // Not awaited: planned lanes count too.
    const first = stage.store.persist({ blocks: [stage.block(0, 0)] });
    const second = stage.store.blocks.maybePruneAndPersistLane(stage.lane(1), undefined, [stage.block(1, 0)]);
    await refused(stage.store.persist({ blocks: [stage.block(2, 0)] }), 'LANESTORE_INVALID', [stage.lane(2)]);
    await Promise.all([first, second]);
    await stage.store.persist({ blocks: [stage.block(0, 1), stage.block(1, 1)] });
    await stage.store.dropLanes([stage.lane(0)]);
    await stage.store.persist({ blocks: [stage.block(2, 0)] });
    await refused(stage.store.persist({ blocks: [stage.block(0, 0)] }), 'LANESTORE_INVALID', [stage.lane(0)]);
    stage.expectCursors({ lanes: { 1: [0, 2], 2: [0, 1] } });
  },
);

cases.needing(
  ['durable', 'planLimits'],
  'a store with more lanes than maxLanes opens, and accepts no new lane',
  async (stage) => {
    await stage.store.persist({ blocks: [stage.block(0, 0), stage.block(1, 0), stage.block(2, 0)] });
    await stage.reopen({ maxLanes: 1 });
    await stage.store.persist({ blocks: [stage.block(1, 1)] });
    await refused(stage.store.persist({ blocks: [stage.block(3, 0)] }), 'LANESTORE_INVALID', [stage.lane(3)]);
    stage.expectCursors({ lanes: { 0: [0, 1], 1: [0, 2], 2: [0, 1] } });
  },
);

cases.needing(['planLimits'], 'more entries than maxRoundEntries are LANESTORE_INVALID, in any call', async (stage) => {
  await stage.store.persist({ commitQCs: stage.qcs(0, 2) });
  await stage.reopen({ maxRoundEntries: 3 });
  const { store } = stage;
  const from = stage.features.durable ? 2 : 0;
  const [blocks, commitQCs] = [stage.blocks(0, 0, 4), stage.qcs(from, from + 4)];
  await refused(store.persist({ blocks }), 'LANESTORE_INVALID', ['maxRoundEntries', 3]);
  await refused(store.persist({ commitQCs }), 'LANESTORE_INVALID', [3]);
  const both = { blocks: blocks.slice(0, 2), commitQCs: commitQCs.slice(0, 2) };
  await refused(store.persist(both), 'LANESTORE_INVALID', [3]);
  await refused(store.persist({ blocks: new Set(blocks) }), 'LANESTORE_INVALID', [3]);
  await refused(store.blocks.maybePruneAndPersistLane(stage.lane(0), undefined, blocks), 'LANESTORE_INVALID', [3]);
  await refused(store.commitQCs.maybePruneAndPersist(undefined, commitQCs), 'LANESTORE_INVALID', [3]);
  stage.expectCursors({ qc: [0, from] });
  await store.persist({ inner: new Uint8Array(1), blocks: blocks.slice(0, 2), commitQCs: commitQCs.slice(0, 1) });
  const anchor = stage.anchor(from + 1, { 0: 1 });
  await store.persist({ anchor, blocks: stage.blocks(1, 0, 3) });
  stage.expectCursors({ lanes: { 0: [1, 2], 1: [0, 3] }, qc: [from + 1, from + 2] });
});

cases.needing(['planLimits'], 'reading an endless iterable stops after maxRoundEntries', async (stage) => {
  await stage.reopen({ maxRoundEntries: 10 });
  let [read, ended] = [0, 0];
  const endless = function* () {
    try {
      for (let number = 0; ; number++) {
        if (++read > 1000) throw new Error('reading does not stop');
        yield stage.block(0, number);
      }
    } finally {
      ended++;
    }
  };
  await refused(stage.store.persist({ blocks: endless() }), 'LANESTORE_INVALID', [10]);
  const call = stage.store.blocks.maybePruneAndPersistLane(stage.lane(0), undefined, endless());
  await refused(call, 'LANESTORE_INVALID', [10]);
  if (read > 30 || ended !== 2) throw new Error(`${read} entries were read; ${ended} of 2 iterators were closed`);
  stage.expectCursors({});
  await stage.store.persist({ blocks: stage.blocks(0, 0, 10) });
  stage.expectCursors({ lanes: { 0: [0, 10] } });
});
