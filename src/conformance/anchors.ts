/**
 * Prune anchors: what an anchor truncates and appends, and which of two anchors counts
 * (docs/architecture.md, Rules of the planner, rules 3 and 4).
 */
import { Cases } from './case.js';
import { refused } from './expect.js';

/** Cases of {@link AnchorPersister}, and of anchors in rounds. */
export const anchorCases = new Cases('anchors');
const cases = anchorCases;

cases.add('an anchor survives reopening, and its CommitQC is the first of the log', async (stage) => {
  const anchor = stage.anchor(2, { 0: 1, 1: 0 });
  await stage.store.persist({ commitQCs: [...stage.qcs(0, 2), stage.commitQCOf(anchor), stage.qc(3)] });
  await stage.store.persist({ anchor });
  stage.expectCursors({ qc: [2, 4] });
  await stage.expectStored({ anchor, commitQCs: [stage.commitQCOf(anchor), stage.qc(3)] });
});

cases.add('every lane is truncated to its start in the anchor', async (stage) => {
  const blocks = [0, 1, 2, 3, 4].flatMap((lane) => stage.blocks(lane, 2, 6));
  await stage.store.persist({ blocks });
  const anchor = stage.anchor(0, { 0: 1, 1: 2, 2: 4, 3: 6, 4: 9 });
  await stage.store.persist({ anchor });
  stage.expectCursors({ lanes: { 0: [2, 6], 1: [2, 6], 2: [4, 6], 3: [6, 6], 4: [9, 9] }, qc: [0, 1] });
  await stage.expectStored({
    anchor,
    commitQCs: [stage.commitQCOf(anchor)],
    blocks: { 0: stage.blocks(0, 2, 6), 1: stage.blocks(1, 2, 6), 2: stage.blocks(2, 4, 6) },
  });
});

cases.needing(['durable'], 'a lane that the stored anchor emptied keeps its cursor after reopening', async (stage) => {
  await stage.store.persist({ blocks: [...stage.blocks(0, 0, 3), ...stage.blocks(1, 0, 3)] });
  const anchor = stage.anchor(0, { 0: 10, 1: 3 });
  await stage.store.anchor.persist(anchor);
  await stage.expectStored({ anchor, commitQCs: [stage.commitQCOf(anchor)] });
  stage.expectCursors({ lanes: { 0: [10, 10], 1: [3, 3] }, qc: [0, 1] });
  await refused(stage.store.persist({ blocks: [stage.block(0, 3)] }), 'LANESTORE_OUT_OF_SEQUENCE', [3, 10]);
  await stage.store.persist({ blocks: [stage.block(0, 10), stage.block(1, 3)] });
  stage.expectCursors({ lanes: { 0: [10, 11], 1: [3, 4] }, qc: [0, 1] });
});

cases.add('a lane that the CommitQC of the anchor omits does not change', async (stage) => {
  await stage.store.persist({ blocks: [...stage.blocks(0, 0, 4), ...stage.blocks(1, 0, 4)] });
  await stage.store.persist({ anchor: stage.anchor(0, { 0: 3 }) });
  stage.expectCursors({ lanes: { 0: [3, 4], 1: [0, 4] }, qc: [0, 1] });
});

cases.add('the QC log is truncated to the road index of the anchor', async (stage) => {
  await stage.store.persist({ commitQCs: stage.qcs(0, 6) });
  const anchor = stage.anchor(4);
  await stage.store.persist({ anchor });
  stage.expectCursors({ qc: [4, 6] });
  await stage.expectStored({ anchor, commitQCs: stage.qcs(4, 6) });
});

cases.add('an anchor at the end of the QC log appends its own CommitQC', async (stage) => {
  await stage.store.persist({ commitQCs: stage.qcs(0, 3) });
  const anchor = stage.anchor(3, { 0: 8 });
  await stage.store.persist({ anchor });
  stage.expectCursors({ qc: [3, 4] });
  await stage.expectStored({ anchor, commitQCs: [stage.commitQCOf(anchor)] });
});

cases.add(
  'an anchor past all CommitQCs leaves only its own CommitQC, and the log continues after it',
  async (stage) => {
    await stage.store.persist({ commitQCs: stage.qcs(0, 3) });
    const anchor = stage.anchor(5);
    await stage.store.persist({ anchor });
    stage.expectCursors({ qc: [5, 6] });
    await stage.store.persist({ commitQCs: [stage.qc(5)] });
    stage.expectCursors({ qc: [5, 6] });
    await refused(stage.store.persist({ commitQCs: [stage.qc(7)] }), 'LANESTORE_OUT_OF_SEQUENCE', [7, 6]);
    await stage.expectStored({ anchor, commitQCs: stage.qcs(5, 6) });
    await stage.store.persist({ commitQCs: stage.qcs(6, 8) });
    await stage.expectStored({ anchor, commitQCs: stage.qcs(5, 8) });
  },
);

cases.add('an anchor may have road index 0', async (stage) => {
  const anchor = stage.anchor(0, { 0: 2 });
  await stage.store.persist({ blocks: stage.blocks(0, 0, 4) });
  await stage.store.persist({ anchor });
  stage.expectCursors({ lanes: { 0: [2, 4] }, qc: [0, 1] });
  await stage.store.persist({ commitQCs: [stage.qc(0), stage.qc(1)] });
  stage.expectCursors({ lanes: { 0: [2, 4] }, qc: [0, 2] });
  await stage.expectStored({
    anchor,
    commitQCs: [stage.commitQCOf(anchor), stage.qc(1)],
    blocks: { 0: stage.blocks(0, 2, 4) },
  });
});

cases.add('a newer anchor replaces an older one', async (stage) => {
  await stage.store.persist({ anchor: stage.anchor(1, { 0: 2 }), blocks: stage.blocks(0, 2, 8) });
  const newer = stage.anchor(2, { 0: 5 });
  await stage.store.anchor.persist(newer);
  stage.expectCursors({ lanes: { 0: [5, 8] }, qc: [2, 3] });
  await stage.expectStored({
    anchor: newer,
    commitQCs: [stage.commitQCOf(newer)],
    blocks: { 0: stage.blocks(0, 5, 8) },
  });
});

cases.add('an older anchor changes nothing', async (stage) => {
  const anchor = stage.anchor(4, { 0: 2 });
  await stage.store.persist({ anchor, blocks: [...stage.blocks(0, 2, 8), ...stage.blocks(1, 0, 3)] });
  for (const index of [3, 0]) await stage.store.anchor.persist(stage.anchor(index, { 0: 6, 1: 2 }));
  stage.expectCursors({ lanes: { 0: [2, 8], 1: [0, 3] }, qc: [4, 5] });
  await stage.expectStored({
    anchor,
    commitQCs: [stage.commitQCOf(anchor)],
    blocks: { 0: stage.blocks(0, 2, 8), 1: stage.blocks(1, 0, 3) },
  });
  await stage.store.anchor.persist(stage.anchor(3, { 0: 6 }));
  stage.expectCursors({ lanes: { 0: [2, 8], 1: [0, 3] }, qc: [4, 5] });
});

cases.add('the rest of a round with an older anchor is stored', async (stage) => {
  const anchor = stage.anchor(4, { 0: 2 });
  await stage.store.anchor.persist(anchor);
  const inner = new Uint8Array([1]);
  await stage.store.persist({
    anchor: stage.anchor(3, { 0: 6 }),
    inner,
    commitQCs: [stage.qc(5)],
    blocks: [stage.block(0, 2)],
  });
  stage.expectCursors({ lanes: { 0: [2, 3] }, qc: [4, 6] });
  await stage.expectStored({
    anchor,
    inner,
    commitQCs: [stage.commitQCOf(anchor), stage.qc(5)],
    blocks: { 0: stage.blocks(0, 2, 3) },
  });
});

cases.add('an equal anchor applies its truncation again, and never moves a cursor back', async (stage) => {
  await stage.store.persist({ anchor: stage.anchor(4, { 0: 2 }), blocks: stage.blocks(0, 2, 8) });
  await stage.store.persist({ anchor: stage.anchor(4, { 0: 5 }) });
  stage.expectCursors({ lanes: { 0: [5, 8] }, qc: [4, 5] });
  await stage.store.persist({ anchor: stage.anchor(4, { 0: 3 }), blocks: [stage.block(0, 8)] });
  stage.expectCursors({ lanes: { 0: [5, 9] }, qc: [4, 5] });
  if (!stage.features.durable) return;
  await stage.reopen();
  stage.expectCursors({ lanes: { 0: [5, 9] }, qc: [4, 5] });
});

cases.add('the same anchor again changes nothing', async (stage) => {
  const anchor = stage.anchor(2, { 0: 3 });
  await stage.store.persist({ anchor, commitQCs: [stage.qc(3)], blocks: stage.blocks(0, 3, 5) });
  await stage.store.persist({ anchor });
  stage.expectCursors({ lanes: { 0: [3, 5] }, qc: [2, 4] });
  await stage.expectStored({
    anchor,
    commitQCs: [stage.commitQCOf(anchor), stage.qc(3)],
    blocks: { 0: stage.blocks(0, 3, 5) },
  });
});

cases.needing(
  ['disagreeingAnchors'],
  'an anchor whose two parts disagree is refused, and nothing of its round is stored',
  async (stage) => {
    await stage.store.persist({ commitQCs: stage.qcs(0, 3), blocks: stage.blocks(0, 0, 4) });
    for (const [index, qcIndex] of [
      [1, 2],
      [2, 1],
      [0, 1],
    ] as const) {
      const anchor = stage.disagreeingAnchor(index, qcIndex);
      await refused(stage.store.anchor.persist(anchor), 'LANESTORE_INVALID');
      await refused(stage.store.persist({ anchor, blocks: [stage.block(0, 4)] }), 'LANESTORE_INVALID');
    }
    stage.expectCursors({ lanes: { 0: [0, 4] }, qc: [0, 3] });
    await stage.expectStored({ commitQCs: stage.qcs(0, 3), blocks: { 0: stage.blocks(0, 0, 4) } });
  },
);

cases.add(
  'in a round the anchor comes first: blocks and CommitQCs are appended after its truncation',
  async (stage) => {
    await stage.store.persist({
      commitQCs: stage.qcs(0, 2),
      blocks: [...stage.blocks(0, 0, 3), ...stage.blocks(1, 0, 3)],
    });
    const anchor = stage.anchor(7, { 0: 10, 1: 2 });
    await stage.store.persist({
      blocks: [stage.block(0, 10), stage.block(1, 3), stage.block(0, 11)],
      commitQCs: [stage.qc(7), stage.qc(8)],
      anchor,
    });
    stage.expectCursors({ lanes: { 0: [10, 12], 1: [2, 4] }, qc: [7, 9] });
    await stage.expectStored({
      anchor,
      commitQCs: [stage.commitQCOf(anchor), stage.qc(8)],
      blocks: { 0: stage.blocks(0, 10, 12), 1: stage.blocks(1, 2, 4) },
    });
  },
);

cases.add('a round cannot contain a block that its own anchor truncates', async (stage) => {
  await stage.store.persist({ blocks: stage.blocks(0, 0, 3) });
  const round = { anchor: stage.anchor(0, { 0: 10 }), blocks: [stage.block(0, 3)] };
  await refused(stage.store.persist(round), 'LANESTORE_OUT_OF_SEQUENCE', [stage.lane(0), 3, 10]);
  stage.expectCursors({ lanes: { 0: [0, 3] } });
  await stage.expectStored({ blocks: { 0: stage.blocks(0, 0, 3) } });
});

cases.add(
  'a sequence of anchors, with blocks and CommitQCs between them, each stored after reopening',
  async (stage) => {
    for (let road = 0; road < 6; road++) {
      const starts = { 0: 3 * road + 1, 1: road };
      const commitQCs = [stage.qc(road, starts)];
      const blocks = [...stage.blocks(0, 3 * road, 3 * road + 3), ...stage.blocks(1, road, road + 1)];
      await stage.store.persist({ commitQCs, blocks });
      const anchor = stage.anchor(road, starts);
      await stage.store.persist({ anchor });
      stage.expectCursors({ lanes: { 0: [3 * road + 1, 3 * road + 3], 1: [road, road + 1] }, qc: [road, road + 1] });
      const left = { 0: stage.blocks(0, 3 * road + 1, 3 * road + 3), 1: stage.blocks(1, road, road + 1) };
      await stage.expectStored({ anchor, commitQCs, blocks: left });
    }
  },
);
