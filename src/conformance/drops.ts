/** Lanes that leave the committee and may rejoin. */
import assert from 'node:assert/strict';
import { Cases } from './case.js';
import { Ledger, refused } from './expect.js';

/** Cases of {@link Persistence.dropLanes}. */
export const dropCases = new Cases('dropLanes');
const cases = dropCases;

cases.add('a dropped lane has no blocks and no cursor; the other lanes do not change', async (stage) => {
  await stage.store.persist({
    commitQCs: [stage.qc(0)],
    blocks: [0, 1, 2].flatMap((lane) => stage.blocks(lane, 3, 6)),
  });
  await stage.store.dropLanes([stage.lane(0), stage.lane(2)]);
  stage.expectCursors({ lanes: { 1: [3, 6] }, qc: [0, 1] });
  await stage.expectStored({ commitQCs: stage.qcs(0, 1), blocks: { 1: stage.blocks(1, 3, 6) } });
  stage.expectCursors({ lanes: { 1: [3, 6] }, qc: [0, 1] });
});

cases.add('a dropped lane rejoins like a new lane, at any number', async (stage) => {
  await stage.store.persist({ blocks: stage.blocks(0, 3, 6) });
  await stage.store.dropLanes([stage.lane(0)]);
  await stage.store.persist({ blocks: [stage.block(0, 1)] });
  stage.expectCursors({ lanes: { 0: [1, 2] } });
  await stage.store.dropLanes([stage.lane(0)]);
  await stage.store.persist({ blocks: stage.blocks(0, 100, 103) });
  stage.expectCursors({ lanes: { 0: [100, 103] } });
  await stage.expectStored({ blocks: { 0: stage.blocks(0, 100, 103) } });
});

cases.needing(['durable'], 'a dropped lane rejoins at any number after reopening too', async (stage) => {
  await stage.store.persist({ blocks: stage.blocks(0, 3, 6) });
  await stage.store.dropLanes([stage.lane(0)]);
  await stage.expectStored({});
  stage.expectCursors({});
  await stage.store.persist({ blocks: [stage.block(0, 1)] });
  await stage.expectStored({ blocks: { 0: stage.blocks(0, 1, 2) } });
});

cases.add('a dropped lane rejoins at its start in the stored anchor', async (stage) => {
  await stage.store.persist({ anchor: stage.anchor(0, { 0: 7 }), blocks: stage.blocks(0, 7, 9) });
  await stage.store.dropLanes([stage.lane(0)]);
  await refused(stage.store.persist({ blocks: [stage.block(0, 9)] }), 'LANESTORE_OUT_OF_SEQUENCE', [9, 7]);
  await stage.store.persist({ blocks: [stage.block(0, 7)] });
  stage.expectCursors({ lanes: { 0: [7, 8] }, qc: [0, 1] });
});

cases.add('an anchor creates no cursor for a dropped lane', async (stage) => {
  await stage.store.persist({ blocks: stage.blocks(0, 0, 3) });
  await stage.store.dropLanes([stage.lane(0)]);
  await stage.store.anchor.persist(stage.anchor(0, { 0: 9 }));
  stage.expectCursors({ qc: [0, 1] });
});

cases.add('an emptied lane can be dropped, and rejoins', async (stage) => {
  await stage.store.persist({ blocks: stage.blocks(0, 0, 3) });
  await stage.store.blocks.maybePruneAndPersistLane(stage.lane(0), stage.qc(0, { 0: 10 }), []);
  await stage.store.dropLanes([stage.lane(0)]);
  stage.expectCursors({});
  await stage.store.persist({ blocks: [stage.block(0, 4)] });
  await stage.expectStored({ blocks: { 0: stage.blocks(0, 4, 5) } });
});

cases.add('unknown lanes, lanes named twice or dropped twice, no lanes, any iterable', async (stage) => {
  await stage.store.persist({ blocks: [...stage.blocks(0, 0, 3), ...stage.blocks(1, 0, 3)] });
  await stage.store.dropLanes([]);
  await stage.store.dropLanes([stage.lane(5)]);
  await stage.store.dropLanes([stage.lane(0), stage.lane(0)]);
  await stage.store.dropLanes(new Set([stage.lane(0), stage.lane(6)]));
  stage.expectCursors({ lanes: { 1: [0, 3] } });
  await stage.expectStored({ blocks: { 1: stage.blocks(1, 0, 3) } });
});

cases.add('rounds before a drop, the drop, and rounds after it, without awaiting any', async (stage) => {
  const ledger = new Ledger();
  const fired: string[] = [];
  const hooks = {
    block: (block: Parameters<typeof stage.nameOfBlock>[0]) => void fired.push(stage.nameOfBlock(block)),
  };
  ledger.watch('fill', stage.store.persist({ blocks: stage.blocks(0, 5, 25) }, hooks));
  ledger.watch('append', stage.store.persist({ blocks: [stage.block(0, 25)] }, hooks));
  ledger.watch('drop', stage.store.dropLanes([stage.lane(0)]));
  ledger.watch('rejoin', stage.store.persist({ blocks: [stage.block(0, 2)] }, hooks));
  ledger.watch('go on', stage.store.persist({ blocks: [stage.block(0, 3)] }, hooks));
  assert.deepEqual(await ledger.settled(), ['fill', 'append', 'drop', 'rejoin', 'go on']);
  assert.equal(fired.length, 23, 'hooks of blocks that were dropped later fire too: the blocks were durable');
  stage.expectCursors({ lanes: { 0: [2, 4] } });
  await stage.expectStored({ blocks: { 0: stage.blocks(0, 2, 4) } });
});

cases.add('a call with an invalid lane id drops nothing', async (stage) => {
  await stage.store.persist({ blocks: stage.blocks(0, 0, 3) });
  await refused(stage.store.dropLanes([stage.lane(0), 'not hex']), 'LANESTORE_INVALID');
  stage.expectCursors({ lanes: { 0: [0, 3] } });
  await stage.expectStored({ blocks: { 0: stage.blocks(0, 0, 3) } });
});

cases.add('a lane of 2,000 blocks can be dropped', async (stage) => {
  await stage.store.persist({ blocks: [...stage.blocks(0, 0, 2000), ...stage.blocks(1, 0, 2)] });
  await stage.store.dropLanes([stage.lane(0)]);
  await stage.store.persist({ blocks: stage.blocks(0, 10, 12) });
  stage.expectCursors({ lanes: { 0: [10, 12], 1: [0, 2] } });
  await stage.expectStored({ blocks: { 0: stage.blocks(0, 10, 12), 1: stage.blocks(1, 0, 2) } });
});
