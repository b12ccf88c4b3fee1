/**
 * Recovery at open: all entries are returned once, none below the anchor; and the cursors
 * afterwards.
 */
import assert from 'node:assert/strict';
import { Cases } from './case.js';
import { refused } from './expect.js';

/** Cases of {@link Persistence.takeRecovered}. */
export const recoveryCases = new Cases('recovery');
const cases = recoveryCases;

const NOTHING = {};

cases.add('a fresh place opens empty', async (stage) => {
  stage.expectCursors({});
  stage.expectRecovered(NOTHING);
  assert.ok(!('anchor' in stage.store.takeRecovered()), 'the field is absent, not undefined');
  await stage.expectStored(NOTHING);
});

cases.needing(['durable'], 'recovered content is returned once', async (stage) => {
  const anchor = stage.anchor(0, { 0: 0 });
  const inner = new Uint8Array([5]);
  await stage.store.persist({ anchor, inner, commitQCs: [stage.qc(1)], blocks: stage.blocks(0, 0, 2) });
  await stage.expectStored({
    anchor,
    inner,
    commitQCs: [stage.commitQCOf(anchor), stage.qc(1)],
    blocks: { 0: stage.blocks(0, 0, 2) },
  });
  stage.expectRecovered(NOTHING);
  stage.expectRecovered(NOTHING);
});

cases.add('content persisted after opening is not in the recovered content', async (stage) => {
  await stage.store.persist({ anchor: stage.anchor(0), inner: new Uint8Array([5]), blocks: stage.blocks(0, 0, 2) });
  stage.expectRecovered(NOTHING);
});

cases.needing(['durable'], 'recovered content can be taken late: it is the content at open', async (stage) => {
  await stage.store.persist({ commitQCs: stage.qcs(0, 2), blocks: stage.blocks(0, 0, 3) });
  await stage.reopen();
  await stage.store.persist({ anchor: stage.anchor(1, { 0: 2 }), blocks: [stage.block(0, 3), stage.block(1, 0)] });
  stage.expectRecovered({ commitQCs: stage.qcs(0, 2), blocks: { 0: stage.blocks(0, 0, 3) } });
});

cases.needing(
  ['durable', 'skipsLoading'],
  'with load: false nothing is returned, and the store continues from its cursors',
  async (stage) => {
    const anchor = stage.anchor(1, { 0: 2 });
    await stage.store.persist({ anchor, inner: new Uint8Array([5]), blocks: stage.blocks(0, 2, 4) });
    await stage.reopen({ load: false });
    stage.expectRecovered(NOTHING);
    stage.expectCursors({ lanes: { 0: [2, 4] }, qc: [1, 2] });
    await refused(stage.store.persist({ blocks: [stage.block(0, 3)] }), 'LANESTORE_OUT_OF_SEQUENCE', [3, 4]);
    await stage.store.persist({ blocks: [stage.block(0, 4)] });
    await stage.expectStored({
      anchor,
      inner: new Uint8Array([5]),
      commitQCs: [stage.commitQCOf(anchor)],
      blocks: { 0: stage.blocks(0, 2, 5) },
    });
  },
);

cases.needing(['durable'], 'repeated reopening changes nothing', async (stage) => {
  const anchor = stage.anchor(2, { 0: 3, 1: 9 });
  await stage.store.persist({ blocks: [...stage.blocks(0, 0, 5), ...stage.blocks(1, 0, 2)] });
  await stage.store.persist({ anchor, inner: new Uint8Array([5]), commitQCs: [stage.qc(3)] });
  const content = {
    anchor,
    inner: new Uint8Array([5]),
    commitQCs: [stage.commitQCOf(anchor), stage.qc(3)],
    blocks: { 0: stage.blocks(0, 3, 5) },
  };
  for (let i = 0; i < 3; i++) {
    await stage.expectStored(content);
    stage.expectCursors({ lanes: { 0: [3, 5], 1: [9, 9] }, qc: [2, 4] });
  }
});

cases.needing(['durable'], 'a reopened store refuses and ignores the same entries as before', async (stage) => {
  await stage.store.persist({
    anchor: stage.anchor(2, { 0: 3 }),
    commitQCs: [stage.qc(3)],
    blocks: stage.blocks(0, 3, 5),
  });
  await stage.reopen();
  const { store } = stage;
  await refused(store.persist({ blocks: [stage.block(0, 4)] }), 'LANESTORE_OUT_OF_SEQUENCE', [4, 5]);
  await refused(store.persist({ blocks: [stage.block(0, 6)] }), 'LANESTORE_OUT_OF_SEQUENCE', [6, 5]);
  await refused(store.persist({ commitQCs: [stage.qc(5)] }), 'LANESTORE_OUT_OF_SEQUENCE', [5, 4]);
  await store.persist({ commitQCs: stage.qcs(0, 4), anchor: stage.anchor(1, { 0: 5 }) });
  stage.expectCursors({ lanes: { 0: [3, 5] }, qc: [2, 4] });
  await store.persist({ anchor: stage.anchor(2, { 0: 4 }), commitQCs: [stage.qc(4)], blocks: [stage.block(0, 5)] });
  stage.expectCursors({ lanes: { 0: [4, 6] }, qc: [2, 5] });
});

cases.needing(
  ['durable', 'storeAnchorOnly'],
  'a crash right after the anchor: entries below it are gone, its CommitQC is there',
  async (stage) => {
    await stage.store.persist({
      commitQCs: stage.qcs(0, 3),
      blocks: [...stage.blocks(0, 0, 5), ...stage.blocks(1, 0, 5)],
    });
    await stage.store.close();
    const anchor = stage.anchor(7, { 0: 3, 1: 20 });
    await stage.place.storeAnchorOnly!(anchor);
    await stage.open();
    const content = { anchor, commitQCs: [stage.commitQCOf(anchor)], blocks: { 0: stage.blocks(0, 3, 5) } };
    stage.expectRecovered(content);
    stage.expectCursors({ lanes: { 0: [3, 5], 1: [20, 20] }, qc: [7, 8] });
    await stage.expectStored(content);
    await stage.store.persist({ commitQCs: [stage.qc(8)], blocks: [stage.block(0, 5), stage.block(1, 20)] });
    await stage.expectStored({
      anchor,
      commitQCs: [stage.commitQCOf(anchor), stage.qc(8)],
      blocks: { 0: stage.blocks(0, 3, 6), 1: stage.blocks(1, 20, 21) },
    });
  },
);

cases.needing(
  ['durable', 'storeAnchorOnly'],
  'a crash right after the first anchor, in an otherwise empty place',
  async (stage) => {
    await stage.store.close();
    const anchor = stage.anchor(0, { 0: 7 });
    await stage.place.storeAnchorOnly!(anchor);
    await stage.open();
    stage.expectRecovered({ anchor, commitQCs: [stage.commitQCOf(anchor)] });
    stage.expectCursors({ qc: [0, 1] });
    await refused(stage.store.persist({ blocks: [stage.block(0, 0)] }), 'LANESTORE_OUT_OF_SEQUENCE', [0, 7]);
    await stage.store.persist({ commitQCs: [stage.qc(1)], blocks: [stage.block(0, 7)] });
    await stage.expectStored({
      anchor,
      commitQCs: [stage.commitQCOf(anchor), stage.qc(1)],
      blocks: { 0: stage.blocks(0, 7, 8) },
    });
  },
);

for (const [what, lane, number] of [
  ['a missing block in the middle of a lane', 0, 1n],
  ['a missing CommitQC in the middle of the log', undefined, 1n],
] as const) {
  cases.needing(['durable', 'lose'], `${what} is LANESTORE_CORRUPT at every open`, async (stage) => {
    await stage.store.persist({
      commitQCs: stage.qcs(0, 3),
      blocks: [...stage.blocks(0, 0, 3), ...stage.blocks(1, 0, 3)],
    });
    await stage.store.close();
    await stage.place.lose!(lane === undefined ? { number } : { lane: stage.lane(lane), number });
    for (let i = 0; i < 2; i++) await refused(stage.open(), 'LANESTORE_CORRUPT');
  });
}
