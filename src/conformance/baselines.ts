/** The number of the first block of a lane (docs/architecture.md, Rules of the planner, rule 1). */
import { Cases } from './case.js';
import { refused } from './expect.js';
import type { Num, Stage } from './stage.js';

/** Cases of the first block of a lane. */
export const baselineCases = new Cases('first block of a lane');
const cases = baselineCases;

function begins(stage: Stage, lane: number, number: Num): Promise<void> {
  return stage.store.persist({ blocks: [stage.block(lane, number)] });
}

/** Checks that only block `start` is accepted as the first block of `lane`. */
async function expectStart(stage: Stage, lane: number, start: number): Promise<void> {
  for (const number of [0, start - 1, start + 1]) {
    await refused(begins(stage, lane, number), 'LANESTORE_OUT_OF_SEQUENCE', [stage.lane(lane), number, start]);
  }
  await begins(stage, lane, start);
}

cases.add('without an anchor it may have any number, and the lane continues from there', async (stage) => {
  await begins(stage, 0, 0);
  await begins(stage, 1, 41);
  await refused(begins(stage, 1, 43), 'LANESTORE_OUT_OF_SEQUENCE', [43, 42]);
  await refused(begins(stage, 1, 40), 'LANESTORE_OUT_OF_SEQUENCE', [40, 42]);
  stage.expectCursors({ lanes: { 0: [0, 1], 1: [41, 42] } });
  await stage.expectStored({ blocks: { 0: stage.blocks(0, 0, 1), 1: stage.blocks(1, 41, 42) } });
});

cases.add('a gap within the first call is refused, and the lane still has no cursor', async (stage) => {
  const gap = [stage.block(0, 5), stage.block(0, 7)];
  await refused(stage.store.persist({ blocks: gap }), 'LANESTORE_OUT_OF_SEQUENCE', [stage.lane(0), 7, 6]);
  stage.expectCursors({});
  await begins(stage, 0, 2);
  stage.expectCursors({ lanes: { 0: [2, 3] } });
});

cases.add('it is the start of the lane in the stored anchor', async (stage) => {
  const anchor = stage.anchor(0, { 0: 7 });
  await stage.store.anchor.persist(anchor);
  await expectStart(stage, 0, 7);
  stage.expectCursors({ lanes: { 0: [7, 8] }, qc: [0, 1] });
  await stage.expectStored({ anchor, commitQCs: [stage.commitQCOf(anchor)], blocks: { 0: stage.blocks(0, 7, 8) } });
});

cases.add('the same holds for a lane call', async (stage) => {
  await stage.store.anchor.persist(stage.anchor(0, { 0: 7 }));
  const lane = (number: number) =>
    stage.store.blocks.maybePruneAndPersistLane(stage.lane(0), undefined, [stage.block(0, number)]);
  await refused(lane(8), 'LANESTORE_OUT_OF_SEQUENCE', [stage.lane(0), 8, 7]);
  await lane(7);
  stage.expectCursors({ lanes: { 0: [7, 8] }, qc: [0, 1] });
});

cases.needing(['durable'], 'the same holds after reopening', async (stage) => {
  await stage.store.anchor.persist(stage.anchor(3, { 0: 7 }));
  await stage.reopen();
  await expectStart(stage, 0, 7);
  stage.expectCursors({ lanes: { 0: [7, 8] }, qc: [3, 4] });
});

cases.add('the same holds for an anchor in the same round', async (stage) => {
  const round = (number: number) => ({ anchor: stage.anchor(0, { 0: 7 }), blocks: [stage.block(0, number)] });
  for (const number of [0, 6, 8]) {
    await refused(stage.store.persist(round(number)), 'LANESTORE_OUT_OF_SEQUENCE', [stage.lane(0), number, 7]);
  }
  stage.expectCursors({});
  await stage.store.persist(round(7));
  stage.expectCursors({ lanes: { 0: [7, 8] }, qc: [0, 1] });
});

cases.add('if the anchor starts the lane at 0 or omits it, it may have any number', async (stage) => {
  await stage.store.anchor.persist(stage.anchor(0, { 0: 0 }));
  await begins(stage, 0, 5);
  await begins(stage, 1, 9);
  stage.expectCursors({ lanes: { 0: [5, 6], 1: [9, 10] }, qc: [0, 1] });
});

cases.add('a newer anchor counts, an older anchor does not', async (stage) => {
  await stage.store.anchor.persist(stage.anchor(3, { 0: 7 }));
  await stage.store.anchor.persist(stage.anchor(2, { 0: 5, 1: 5 }));
  await stage.store.anchor.persist(stage.anchor(4, { 0: 9 }));
  await stage.store.anchor.persist(stage.anchor(3, { 0: 11, 1: 11 }));
  await expectStart(stage, 0, 9);
  await begins(stage, 1, 2);
  stage.expectCursors({ lanes: { 0: [9, 10], 1: [2, 3] }, qc: [4, 5] });
});

cases.add('in a lane call with a CommitQC it is the start of the lane in that CommitQC', async (stage) => {
  const call = (number: number) =>
    stage.store.blocks.maybePruneAndPersistLane(stage.lane(0), stage.qc(0, { 0: 7 }), [stage.block(0, number)]);
  await refused(call(0), 'LANESTORE_OUT_OF_SEQUENCE', [stage.lane(0), 0, 7]);
  await refused(call(8), 'LANESTORE_OUT_OF_SEQUENCE', [stage.lane(0), 8, 7]);
  await call(7);
  stage.expectCursors({ lanes: { 0: [7, 8] } });
});

cases.add('neither an anchor nor a lane call without blocks creates a cursor', async (stage) => {
  await stage.store.persist({ anchor: stage.anchor(0, { 0: 7, 1: 0 }) });
  await stage.store.blocks.maybePruneAndPersistLane(stage.lane(2), stage.qc(0, { 2: 5 }), []);
  stage.expectCursors({ qc: [0, 1] });
  await begins(stage, 2, 3);
  stage.expectCursors({ lanes: { 2: [3, 4] }, qc: [0, 1] });
});
