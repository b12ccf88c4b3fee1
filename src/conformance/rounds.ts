/**
 * Rounds: what they may contain, and that nothing of a refused round is stored
 * (docs/architecture.md, Rules of the planner, rule 1).
 */
import { Cases } from './case.js';
import { refused } from './expect.js';
import type { Stage } from './stage.js';

/** Cases of {@link Persistence.persist}. */
export const roundCases = new Cases('rounds');
const cases = roundCases;

cases.add('a round with all parts', async (stage) => {
  const anchor = stage.anchor(3, { 0: 5 });
  const inner = new Uint8Array([7, 8]);
  await stage.store.persist({
    anchor,
    inner,
    commitQCs: [stage.qc(4)],
    blocks: [...stage.blocks(0, 5, 7), ...stage.blocks(1, 0, 1)],
  });
  stage.expectCursors({ lanes: { 0: [5, 7], 1: [0, 1] }, qc: [3, 5] });
  await stage.expectStored({
    anchor,
    inner,
    commitQCs: [stage.commitQCOf(anchor), stage.qc(4)],
    blocks: { 0: stage.blocks(0, 5, 7), 1: stage.blocks(1, 0, 1) },
  });
});

cases.add('any part may be absent, undefined or empty', async (stage) => {
  await stage.store.persist({});
  await stage.store.persist({ anchor: undefined, inner: undefined, commitQCs: undefined, blocks: undefined });
  await stage.store.persist({ commitQCs: [], blocks: [] });
  stage.expectCursors({});
  await stage.store.persist({ blocks: [stage.block(0, 0)] });
  await stage.store.persist({ commitQCs: [stage.qc(0)] });
  stage.expectCursors({ lanes: { 0: [0, 1] }, qc: [0, 1] });
  await stage.expectStored({ commitQCs: stage.qcs(0, 1), blocks: { 0: stage.blocks(0, 0, 1) } });
});

cases.add('blocks of several lanes, mixed, from a generator', async (stage) => {
  function* mixed() {
    for (let i = 0; i < 4; i++) {
      yield stage.block(2, 10 + i);
      yield stage.block(0, i);
      if (i % 2 === 0) yield stage.block(1, i / 2);
    }
  }
  await stage.store.persist({ blocks: mixed() });
  stage.expectCursors({ lanes: { 0: [0, 4], 1: [0, 2], 2: [10, 14] } });
  await stage.expectStored({
    blocks: { 0: stage.blocks(0, 0, 4), 1: stage.blocks(1, 0, 2), 2: stage.blocks(2, 10, 14) },
  });
});

cases.add('changing lists and bytes after the call has no effect', async (stage) => {
  const blocks = stage.blocks(0, 0, 3);
  const commitQCs = stage.qcs(0, 2);
  const inner = new Uint8Array([1, 2, 3]);
  const fired: string[] = [];
  const done = stage.store.persist(
    { inner, commitQCs, blocks },
    { block: (block) => fired.push(stage.nameOfBlock(block)) },
  );
  blocks.length = 0;
  commitQCs.reverse();
  inner.fill(0xff);
  await done;
  if (fired.join() !== 'lane 0 #0,lane 0 #1,lane 0 #2') throw new Error(`hooks fired for ${fired.join()}`);
  await stage.expectStored({
    inner: new Uint8Array([1, 2, 3]),
    commitQCs: stage.qcs(0, 2),
    blocks: { 0: stage.blocks(0, 0, 3) },
  });
});

cases.add('the last inner state wins; a round without one keeps it; an empty one counts', async (stage) => {
  await stage.store.persist({ inner: new Uint8Array([1]) });
  await stage.store.persist({ inner: new Uint8Array([2, 2]), blocks: [stage.block(0, 0)] });
  await stage.store.persist({ blocks: [stage.block(0, 1)] });
  await stage.expectStored({ inner: new Uint8Array([2, 2]), blocks: { 0: stage.blocks(0, 0, 2) } });
  await stage.store.persist({ inner: new Uint8Array(0) });
  await stage.expectStored({ inner: new Uint8Array(0), blocks: { 0: stage.blocks(0, 0, 2) } });
});

cases.add('an inner state may be any bytes: a Buffer, a view, 100,000 bytes', async (stage) => {
  const all = Uint8Array.from({ length: 300 }, (_, i) => i);
  await stage.store.persist({ inner: Buffer.from(all).subarray(5, 290) });
  await stage.expectStored({ inner: all.subarray(5, 290) });
  const large = new Uint8Array(100_000).fill(0xa5);
  await stage.store.persist({ inner: large });
  await stage.expectStored({ inner: large });
});

/** Stores entries of every kind. */
async function fill(stage: Stage): Promise<void> {
  await stage.store.persist({
    anchor: stage.anchor(1, { 0: 2 }),
    inner: new Uint8Array([1]),
    commitQCs: [stage.qc(2)],
    blocks: [...stage.blocks(0, 2, 5), ...stage.blocks(1, 0, 2)],
  });
}

async function expectFilled(stage: Stage): Promise<void> {
  stage.expectCursors({ lanes: { 0: [2, 5], 1: [0, 2] }, qc: [1, 3] });
  await stage.expectStored({
    anchor: stage.anchor(1, { 0: 2 }),
    inner: new Uint8Array([1]),
    commitQCs: [stage.qc(1, { 0: 2 }), stage.qc(2)],
    blocks: { 0: stage.blocks(0, 2, 5), 1: stage.blocks(1, 0, 2) },
  });
}

cases.add('one bad block refuses the whole round: anchor, inner, CommitQCs and blocks of all lanes', async (stage) => {
  await fill(stage);
  const round = {
    anchor: stage.anchor(2, { 0: 4, 1: 1 }),
    inner: new Uint8Array([9]),
    commitQCs: [stage.qc(3)],
    blocks: [stage.block(0, 5), stage.block(2, 0), stage.block(1, 2), stage.block(0, 7)],
  };
  await refused(stage.store.persist(round), 'LANESTORE_OUT_OF_SEQUENCE', [stage.lane(0), 7, 6]);
  await expectFilled(stage);
});

cases.add('one bad CommitQC refuses the whole round', async (stage) => {
  await fill(stage);
  const round = {
    anchor: stage.anchor(2, { 0: 4 }),
    inner: new Uint8Array([9]),
    commitQCs: [stage.qc(3), stage.qc(5)],
    blocks: [stage.block(0, 5), stage.block(2, 0)],
  };
  await refused(stage.store.persist(round), 'LANESTORE_OUT_OF_SEQUENCE', [5, 4]);
  await expectFilled(stage);
});

cases.needing(['disagreeingAnchors'], 'a bad anchor refuses the whole round', async (stage) => {
  await fill(stage);
  const round = {
    anchor: stage.disagreeingAnchor(2, 3),
    inner: new Uint8Array([9]),
    commitQCs: [stage.qc(3)],
    blocks: [stage.block(0, 5)],
  };
  await refused(stage.store.persist(round), 'LANESTORE_INVALID');
  await expectFilled(stage);
});

cases.add('if the iterable of blocks throws, the round rejects with that error', async (stage) => {
  await fill(stage);
  const thrown = new Error('from the iterable');
  function* failing() {
    yield stage.block(0, 5);
    throw thrown;
  }
  const error = await stage.store.persist({ inner: new Uint8Array([9]), blocks: failing() }).catch((cause) => cause);
  if (error !== thrown) throw new Error(`rejected with ${String(error)}`);
  await expectFilled(stage);
});

cases.add('a refused round fires no hook', async (stage) => {
  await fill(stage);
  const fired: string[] = [];
  const hooks = {
    anchor: () => fired.push('anchor'),
    commitQC: () => fired.push('commitQC'),
    block: () => fired.push('block'),
  };
  const round = { anchor: stage.anchor(2), commitQCs: [stage.qc(3)], blocks: [stage.block(0, 5), stage.block(0, 5)] };
  await refused(stage.store.persist(round, hooks), 'LANESTORE_OUT_OF_SEQUENCE');
  await stage.store.persist({});
  if (fired.length > 0) throw new Error(`hooks fired: ${fired.join()}`);
});

cases.add('after a refusal the store continues as if the round had never been submitted', async (stage) => {
  await fill(stage);
  const bad = stage.store.persist({ commitQCs: [stage.qc(3)], blocks: [stage.block(0, 5), stage.block(1, 7)] });
  const good = stage.store.persist({ commitQCs: [stage.qc(3)], blocks: [stage.block(0, 5), stage.block(1, 2)] });
  await refused(bad, 'LANESTORE_OUT_OF_SEQUENCE', [stage.lane(1), 7, 2]);
  await good;
  stage.expectCursors({ lanes: { 0: [2, 6], 1: [0, 3] }, qc: [1, 4] });
  await stage.expectStored({
    anchor: stage.anchor(1, { 0: 2 }),
    inner: new Uint8Array([1]),
    commitQCs: [stage.qc(1, { 0: 2 }), stage.qc(2), stage.qc(3)],
    blocks: { 0: stage.blocks(0, 2, 6), 1: stage.blocks(1, 0, 3) },
  });
});

cases.needing(['atomicRounds'], 'at the first hook of a round the cursors include the whole round', async (stage) => {
  const seen = new Set<string>();
  const look = () => void seen.add(stage.cursorText(stage.store.cursors));
  await stage.store.persist(
    {
      anchor: stage.anchor(1, { 0: 2 }),
      commitQCs: [stage.qc(2)],
      blocks: [...stage.blocks(0, 2, 4), stage.block(1, 0)],
    },
    { anchor: look, commitQC: look, block: look },
  );
  const expected = 'qc [1,3); lane 0 [2,4); lane 1 [0,1)';
  if ([...seen].join(' / ') !== expected) throw new Error(`the hooks saw ${[...seen].join(' / ')}, not ${expected}`);
});
