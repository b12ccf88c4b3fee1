/**
 * Blocks, mostly through lane calls, which existing nodes use: the cases of the original's
 * blocks_test.go, and the sequence rule.
 */
import { Cases } from './case.js';
import { refused } from './expect.js';
import type { Num, Stage, Starts } from './stage.js';
import type { AnyBlock } from './subject.js';

/** Cases of {@link BlockPersister}, and of blocks in rounds. */
export const blockCases = new Cases('blocks');
const cases = blockCases;

/** A lane call: truncates the lane to its start in `starts`, then appends `blocks`. */
function prune(stage: Stage, lane: number, starts: Starts | undefined, blocks: Iterable<AnyBlock> = []): Promise<void> {
  const qc = starts === undefined ? undefined : stage.qc(0, starts);
  return stage.store.blocks.maybePruneAndPersistLane(stage.lane(lane), qc, blocks);
}

function outOfSequence(stage: Stage, call: Promise<void>, lane: number, number: Num, expected: Num): Promise<void> {
  return refused(call, 'LANESTORE_OUT_OF_SEQUENCE', [stage.lane(lane), number, expected]);
}

cases.add('a lane has no cursor before its first block', async (stage) => {
  stage.expectCursors({});
  await prune(stage, 0, undefined);
  await prune(stage, 0, { 0: 0 });
  stage.expectCursors({});
  await prune(stage, 0, undefined, stage.blocks(0, 0, 1));
  stage.expectCursors({ lanes: { 0: [0, 1] } });
});

cases.add('blocks survive reopening, byte for byte', async (stage) => {
  await prune(stage, 0, undefined, stage.blocks(0, 0, 1));
  await prune(stage, 0, undefined, stage.blocks(0, 1, 2));
  stage.expectCursors({ lanes: { 0: [0, 2] } });
  await stage.expectStored({ blocks: { 0: stage.blocks(0, 0, 2) } });
});

cases.add('lanes are independent of each other', async (stage) => {
  await prune(stage, 0, undefined, stage.blocks(0, 0, 2));
  await prune(stage, 1, undefined, stage.blocks(1, 7, 10));
  await prune(stage, 0, { 0: 1 }, stage.blocks(0, 2, 3));
  stage.expectCursors({ lanes: { 0: [1, 3], 1: [7, 10] } });
  await stage.expectStored({ blocks: { 0: stage.blocks(0, 1, 3), 1: stage.blocks(1, 7, 10) } });
});

cases.add('a truncation within a lane keeps the later blocks', async (stage) => {
  await prune(stage, 0, undefined, stage.blocks(0, 0, 5));
  await prune(stage, 0, { 0: 3 });
  stage.expectCursors({ lanes: { 0: [3, 5] } });
  await stage.expectStored({ blocks: { 0: stage.blocks(0, 3, 5) } });
});

cases.add(
  'a truncation to the newest block keeps it; a truncation to the oldest or below does nothing',
  async (stage) => {
    await prune(stage, 0, undefined, stage.blocks(0, 2, 6));
    for (const start of [0, 1, 2]) await prune(stage, 0, { 0: start });
    stage.expectCursors({ lanes: { 0: [2, 6] } });
    await prune(stage, 0, { 0: 5 });
    stage.expectCursors({ lanes: { 0: [5, 6] } });
    await stage.expectStored({ blocks: { 0: stage.blocks(0, 5, 6) } });
  },
);

cases.add('a truncated lane, a lane from 0, a lane never written: restart, append, restart', async (stage) => {
  const starts = { 0: 3, 1: 0, 2: 0 };
  await prune(stage, 0, undefined, stage.blocks(0, 0, 5));
  await prune(stage, 1, undefined, stage.blocks(1, 0, 3));
  for (const lane of [0, 1, 2]) await prune(stage, lane, starts);
  stage.expectCursors({ lanes: { 0: [3, 5], 1: [0, 3] } });
  await stage.expectStored({ blocks: { 0: stage.blocks(0, 3, 5), 1: stage.blocks(1, 0, 3) } });
  await prune(stage, 0, starts, stage.blocks(0, 5, 6));
  await prune(stage, 1, starts, stage.blocks(1, 3, 4));
  await prune(stage, 2, starts, stage.blocks(2, 0, 1));
  stage.expectCursors({ lanes: { 0: [3, 6], 1: [0, 4], 2: [0, 1] } });
  await stage.expectStored({
    blocks: { 0: stage.blocks(0, 3, 6), 1: stage.blocks(1, 0, 4), 2: stage.blocks(2, 0, 1) },
  });
});

cases.add('a lane call changes no other lane, whatever its CommitQC says of the others', async (stage) => {
  await prune(stage, 0, undefined, stage.blocks(0, 0, 4));
  await prune(stage, 1, undefined, stage.blocks(1, 0, 4));
  await prune(stage, 0, { 0: 2, 1: 3 });
  stage.expectCursors({ lanes: { 0: [2, 4], 1: [0, 4] } });
  await stage.expectStored({ blocks: { 0: stage.blocks(0, 2, 4), 1: stage.blocks(1, 0, 4) } });
});

cases.add('a CommitQC that omits the lane does not change it', async (stage) => {
  await prune(stage, 0, undefined, stage.blocks(0, 0, 4));
  await prune(stage, 0, { 1: 3 }, stage.blocks(0, 4, 5));
  stage.expectCursors({ lanes: { 0: [0, 5] } });
});

cases.add('truncate, then append, in one call', async (stage) => {
  await prune(stage, 0, undefined, stage.blocks(0, 0, 5));
  await prune(stage, 0, { 0: 3 }, stage.blocks(0, 5, 6));
  stage.expectCursors({ lanes: { 0: [3, 6] } });
  await stage.expectStored({ blocks: { 0: stage.blocks(0, 3, 6) } });
});

cases.add('a truncation past the end empties the lane and sets the number of its next block', async (stage) => {
  await prune(stage, 0, undefined, stage.blocks(0, 0, 3));
  await prune(stage, 0, { 0: 10 });
  stage.expectCursors({ lanes: { 0: [10, 10] } });
  await outOfSequence(stage, prune(stage, 0, undefined, stage.blocks(0, 0, 1)), 0, 0, 10);
  await outOfSequence(stage, prune(stage, 0, undefined, stage.blocks(0, 3, 4)), 0, 3, 10);
  await outOfSequence(stage, prune(stage, 0, undefined, stage.blocks(0, 11, 12)), 0, 11, 10);
  await prune(stage, 0, undefined, stage.blocks(0, 10, 12));
  stage.expectCursors({ lanes: { 0: [10, 12] } });
  await stage.expectStored({ blocks: { 0: stage.blocks(0, 10, 12) } });
});

cases.add('a truncation to exactly the end empties the lane, and the lane continues', async (stage) => {
  await prune(stage, 0, undefined, stage.blocks(0, 0, 3));
  await prune(stage, 0, { 0: 3 });
  stage.expectCursors({ lanes: { 0: [3, 3] } });
  await prune(stage, 0, undefined, stage.blocks(0, 3, 4));
  await stage.expectStored({ blocks: { 0: stage.blocks(0, 3, 4) } });
});

cases.add('a truncation past the end, and blocks from there, in one call', async (stage) => {
  await prune(stage, 0, undefined, stage.blocks(0, 0, 3));
  await outOfSequence(stage, prune(stage, 0, { 0: 10 }, stage.blocks(0, 3, 4)), 0, 3, 10);
  stage.expectCursors({ lanes: { 0: [0, 3] } });
  await prune(stage, 0, { 0: 10 }, stage.blocks(0, 10, 12));
  stage.expectCursors({ lanes: { 0: [10, 12] } });
  await stage.expectStored({ blocks: { 0: stage.blocks(0, 10, 12) } });
});

cases.add('an empty lane can be moved forward, not back', async (stage) => {
  await prune(stage, 0, undefined, stage.blocks(0, 0, 3));
  await prune(stage, 0, { 0: 10 });
  await prune(stage, 0, { 0: 15 });
  stage.expectCursors({ lanes: { 0: [15, 15] } });
  await prune(stage, 0, { 0: 10 });
  stage.expectCursors({ lanes: { 0: [15, 15] } });
  await outOfSequence(stage, prune(stage, 0, undefined, stage.blocks(0, 10, 11)), 0, 10, 15);
  await prune(stage, 0, undefined, stage.blocks(0, 15, 16));
  await stage.expectStored({ blocks: { 0: stage.blocks(0, 15, 16) } });
});

cases.needing(
  ['durable', 'remembersEmptyCursors'],
  'an emptied lane keeps its cursor after reopening',
  async (stage) => {
    await prune(stage, 0, undefined, stage.blocks(0, 0, 3));
    await prune(stage, 0, { 0: 10 });
    await stage.expectStored({});
    stage.expectCursors({ lanes: { 0: [10, 10] } });
    await outOfSequence(stage, prune(stage, 0, undefined, stage.blocks(0, 3, 4)), 0, 3, 10);
    await prune(stage, 0, undefined, stage.blocks(0, 10, 11));
    await stage.expectStored({ blocks: { 0: stage.blocks(0, 10, 11) } });
  },
);

cases.add('a gap is refused', async (stage) => {
  await prune(stage, 0, undefined, stage.blocks(0, 0, 2));
  await outOfSequence(stage, prune(stage, 0, undefined, stage.blocks(0, 3, 4)), 0, 3, 2);
  await outOfSequence(stage, stage.store.persist({ blocks: stage.blocks(0, 3, 4) }), 0, 3, 2);
  await outOfSequence(stage, prune(stage, 0, undefined, [stage.block(0, 2), stage.block(0, 4)]), 0, 4, 3);
  stage.expectCursors({ lanes: { 0: [0, 2] } });
  await stage.expectStored({ blocks: { 0: stage.blocks(0, 0, 2) } });
});

cases.add('a duplicate is refused', async (stage) => {
  await prune(stage, 0, undefined, stage.blocks(0, 0, 3));
  for (const number of [0, 1, 2]) {
    await outOfSequence(stage, prune(stage, 0, undefined, [stage.block(0, number)]), 0, number, 3);
    await outOfSequence(stage, stage.store.persist({ blocks: [stage.block(0, number)] }), 0, number, 3);
  }
  await outOfSequence(stage, prune(stage, 0, undefined, [stage.block(0, 3), stage.block(0, 3)]), 0, 3, 4);
  stage.expectCursors({ lanes: { 0: [0, 3] } });
  await stage.expectStored({ blocks: { 0: stage.blocks(0, 0, 3) } });
});

cases.add('a truncated block is refused', async (stage) => {
  await prune(stage, 0, undefined, stage.blocks(0, 0, 5));
  await prune(stage, 0, { 0: 4 });
  await outOfSequence(stage, prune(stage, 0, undefined, [stage.block(0, 3)]), 0, 3, 5);
});

cases.add('a block of another lane is refused, with its whole call', async (stage) => {
  await refused(prune(stage, 0, undefined, [stage.block(0, 0), stage.block(1, 0)]), 'LANESTORE_WRONG_LANE', [
    stage.lane(0),
    stage.lane(1),
  ]);
  stage.expectCursors({});
  await prune(stage, 0, undefined, [stage.block(0, 0)]);
  stage.expectCursors({ lanes: { 0: [0, 1] } });
});

cases.add('a refused lane call does not truncate', async (stage) => {
  await prune(stage, 0, undefined, stage.blocks(0, 0, 5));
  await outOfSequence(stage, prune(stage, 0, { 0: 3 }, [stage.block(0, 5), stage.block(0, 7)]), 0, 7, 6);
  stage.expectCursors({ lanes: { 0: [0, 5] } });
  await stage.expectStored({ blocks: { 0: stage.blocks(0, 0, 5) } });
});

cases.add('8 lanes, 20 blocks each, one call per block, all concurrent', async (stage) => {
  const calls: Promise<void>[] = [];
  for (let number = 0; number < 20; number++) {
    for (let lane = 0; lane < 8; lane++) calls.push(prune(stage, lane, undefined, [stage.block(lane, number)]));
  }
  await Promise.all(calls);
  const lanes = Array.from({ length: 8 }, (_, lane) => lane);
  stage.expectCursors({ lanes: Object.fromEntries(lanes.map((lane) => [lane, [0, 20] as const])) });
  await stage.expectStored({ blocks: Object.fromEntries(lanes.map((lane) => [lane, stage.blocks(lane, 0, 20)])) });
});

cases.add('8 lanes, each truncated and appended to in turn, all concurrent', async (stage) => {
  const lanes = Array.from({ length: 8 }, (_, lane) => lane);
  const drive = async (lane: number) => {
    for (let round = 0; round < 5; round++) {
      await prune(stage, lane, { [lane]: Math.max(4 * round - 2, 0) }, stage.blocks(lane, 4 * round, 4 * round + 4));
    }
  };
  await Promise.all(lanes.map(drive));
  stage.expectCursors({ lanes: Object.fromEntries(lanes.map((lane) => [lane, [14, 20] as const])) });
  await stage.expectStored({ blocks: Object.fromEntries(lanes.map((lane) => [lane, stage.blocks(lane, 14, 20)])) });
});
