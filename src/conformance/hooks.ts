/**
 * Durable hooks: once per entry, in order, only after durability (docs/architecture.md, Rules of
 * the planner, rule 7).
 */
import assert from 'node:assert/strict';
import type { DurableHooks } from '../index.js';
import { Cases } from './case.js';
import { rejection, turns } from './expect.js';
import type { Stage } from './stage.js';
import type { AnyAnchor, AnyBlock, AnyCommitQC } from './subject.js';

/** Cases of {@link DurableHooks} and of `afterEach`. */
export const hookCases = new Cases('hooks');
const cases = hookCases;

interface AllHooks extends DurableHooks<AnyBlock, AnyCommitQC, AnyAnchor> {
  readonly anchor: (anchor: AnyAnchor) => void;
  readonly commitQC: (qc: AnyCommitQC) => void;
  readonly block: (block: AnyBlock) => void;
}

/** Hooks that add the names of their entries to `fired`. */
function noting(stage: Stage, fired: string[]): AllHooks {
  return {
    anchor: (anchor) => void fired.push(stage.nameOfAnchor(anchor)),
    commitQC: (qc) => void fired.push(stage.nameOfQC(qc)),
    block: (block) => void fired.push(stage.nameOfBlock(block)),
  };
}

/**
 * Checks that exactly the `expected` hooks fired. If rounds are atomic, the order is that of
 * `expected`. Otherwise it is so within each log, and the hook of the anchor fires first.
 */
function expectFired(stage: Stage, fired: readonly string[], expected: readonly string[]): void {
  if (stage.features.atomicRounds) {
    assert.deepEqual(fired, expected);
    return;
  }
  const logOf = (name: string) => name.replace(/#?\d+$/, '');
  assert.deepEqual([...fired].sort(), [...expected].sort());
  for (const log of new Set(expected.map(logOf))) {
    const of = (names: readonly string[]) => names.filter((name) => logOf(name) === log);
    assert.deepEqual(of(fired), of(expected));
  }
  if (expected[0]?.startsWith('anchor')) assert.equal(fired[0], expected[0]);
}

cases.add(
  'hooks fire once per entry: the anchor, the CommitQCs, the blocks in the order of the round',
  async (stage) => {
    const fired: string[] = [];
    await stage.store.persist(
      {
        blocks: [stage.block(1, 5), stage.block(0, 2), stage.block(1, 6), stage.block(0, 3)],
        commitQCs: [stage.qc(1), stage.qc(2)],
        anchor: stage.anchor(1, { 0: 2 }),
      },
      noting(stage, fired),
    );
    const blocks = ['lane 1 #5', 'lane 0 #2', 'lane 1 #6', 'lane 0 #3'];
    expectFired(stage, fired, ['anchor 1', 'qc 1', 'qc 2', ...blocks]);
  },
);

cases.add('the hooks have fired when the call resolves, and none fires later', async (stage) => {
  const fired: string[] = [];
  await stage.store.persist({ commitQCs: stage.qcs(0, 2), blocks: stage.blocks(0, 0, 3) }, noting(stage, fired));
  assert.equal(fired.length, 5);
  await turns();
  await stage.store.persist({ blocks: [stage.block(0, 3)] });
  await stage.store.close();
  assert.equal(fired.length, 5);
});

cases.add("a hook receives the caller's own object", async (stage) => {
  const anchor = stage.anchor(0);
  const qc = stage.qc(1);
  const block = stage.block(0, 0);
  const given: unknown[] = [];
  const note = (entry: unknown) => void given.push(entry);
  await stage.store.persist(
    { anchor, commitQCs: [qc], blocks: [block] },
    { anchor: note, commitQC: note, block: note },
  );
  assert.equal(given.length, 3);
  for (const entry of [anchor, qc, block]) assert.ok(given.includes(entry), 'the same object');
});

cases.add('every hook is optional', async (stage) => {
  const fired: string[] = [];
  const { block, commitQC } = noting(stage, fired);
  await stage.store.persist(
    { anchor: stage.anchor(0), commitQCs: [stage.qc(1)], blocks: [stage.block(0, 0)] },
    { block },
  );
  await stage.store.persist({ commitQCs: [stage.qc(2)], blocks: [stage.block(0, 1)] }, { commitQC, block: undefined });
  await stage.store.persist({ commitQCs: [stage.qc(3)], blocks: [stage.block(0, 2)] }, {});
  assert.deepEqual(fired, ['lane 0 #0', 'qc 2']);
});

cases.add('an ignored CommitQC fires its hook, each time', async (stage) => {
  const fired: string[] = [];
  await stage.store.persist({ commitQCs: stage.qcs(0, 3) });
  await stage.store.persist({ commitQCs: [stage.qc(1), stage.qc(2), stage.qc(3), stage.qc(0)] }, noting(stage, fired));
  assert.deepEqual(fired, ['qc 1', 'qc 2', 'qc 3', 'qc 0']);
  fired.length = 0;
  await stage.store.commitQCs.maybePruneAndPersist(
    stage.qc(2),
    [stage.qc(0), stage.qc(3)],
    noting(stage, fired).commitQC,
  );
  assert.deepEqual(fired, ['qc 0', 'qc 3']);
});

cases.add('an older anchor fires its hook', async (stage) => {
  const fired: string[] = [];
  await stage.store.anchor.persist(stage.anchor(4));
  await stage.store.persist({ anchor: stage.anchor(3) }, noting(stage, fired));
  await stage.store.persist({ anchor: stage.anchor(4) }, noting(stage, fired));
  assert.deepEqual(fired, ['anchor 3', 'anchor 4']);
});

cases.add('the CommitQC of an anchor or of a truncation fires no hook', async (stage) => {
  const fired: string[] = [];
  await stage.store.persist({ anchor: stage.anchor(4) }, noting(stage, fired));
  assert.deepEqual(fired, ['anchor 4']);
  await stage.store.commitQCs.maybePruneAndPersist(stage.qc(7), [], noting(stage, fired).commitQC);
  assert.deepEqual(fired, ['anchor 4']);
  await stage.store.commitQCs.maybePruneAndPersist(stage.qc(9), [stage.qc(9)], noting(stage, fired).commitQC);
  assert.deepEqual(fired, ['anchor 4', 'qc 9']);
});

cases.add('afterEach fires for every block, in several calls, also if the call truncates', async (stage) => {
  const fired: string[] = [];
  const { block } = noting(stage, fired);
  const call = (start: number | undefined, from: number, to: number) => {
    const qc = start === undefined ? undefined : stage.qc(0, { 0: start });
    return stage.store.blocks.maybePruneAndPersistLane(stage.lane(0), qc, stage.blocks(0, from, to), block);
  };
  await call(undefined, 0, 2);
  await call(undefined, 2, 2);
  await call(1, 2, 4);
  await call(50, 50, 52);
  assert.deepEqual(
    fired,
    [0, 1, 2, 3, 50, 51].map((number) => `lane 0 #${number}`),
  );
});

cases.add('an entry is in the durable cursors when its hook fires', async (stage) => {
  const late: string[] = [];
  const hooks = {
    commitQC: (qc: AnyCommitQC) => {
      const { next } = stage.store.commitQCs;
      if (!(next > numberIn(stage.nameOfQC(qc)))) late.push(stage.nameOfQC(qc));
    },
    block: (block: AnyBlock) => {
      const name = stage.nameOfBlock(block);
      const next = stage.store.cursors.lanes.get(stage.lane(Number(/^lane (\d+)/.exec(name)![1])))?.next ?? 0n;
      if (!(next > numberIn(name))) late.push(name);
    },
  };
  const calls: Promise<void>[] = [];
  for (let i = 0; i < 6; i++) {
    const blocks = [stage.block(0, 2 * i), stage.block(1, i), stage.block(0, 2 * i + 1)];
    calls.push(stage.store.persist({ commitQCs: [stage.qc(i)], blocks }, hooks));
  }
  await Promise.all(calls);
  assert.deepEqual(late, []);
});

cases.add('no hook fires before the call has returned', async (stage) => {
  const fired: string[] = [];
  const calls = [
    stage.store.persist(
      { anchor: stage.anchor(0), commitQCs: [stage.qc(0)], blocks: [stage.block(0, 0)] },
      noting(stage, fired),
    ),
    stage.store.persist({ commitQCs: [stage.qc(0)] }, noting(stage, fired)),
    stage.store.blocks.maybePruneAndPersistLane(
      stage.lane(1),
      undefined,
      stage.blocks(1, 0, 2),
      noting(stage, fired).block,
    ),
  ];
  assert.deepEqual(fired, []);
  await Promise.all(calls);
  assert.equal(fired.length, 6);
});

cases.add(
  'a hook that throws: its call rejects with that error, all entries are durable, the other hooks fire',
  async (stage) => {
    const fired: string[] = [];
    const note = noting(stage, fired);
    const thrown = new Error('from a hook');
    const anchor = stage.anchor(0);
    const call = stage.store.persist(
      { anchor, commitQCs: [stage.qc(1)], blocks: [...stage.blocks(0, 0, 3), stage.block(1, 0)] },
      {
        ...note,
        block: (block) => {
          note.block(block);
          if (stage.nameOfBlock(block) === 'lane 0 #1') throw thrown;
        },
      },
    );
    assert.equal(await rejection(call), thrown);
    const blocks = ['lane 0 #0', 'lane 0 #1', 'lane 0 #2', 'lane 1 #0'];
    expectFired(stage, fired, ['anchor 0', 'qc 1', ...blocks]);
    stage.expectCursors({ lanes: { 0: [0, 3], 1: [0, 1] }, qc: [0, 2] });
    await stage.expectStored({
      anchor,
      commitQCs: [stage.commitQCOf(anchor), stage.qc(1)],
      blocks: { 0: stage.blocks(0, 0, 3), 1: stage.blocks(1, 0, 1) },
    });
  },
);

cases.add(
  'if several hooks throw, the call rejects with the first error, and other calls are not affected',
  async (stage) => {
    let count = 0;
    const failing = {
      commitQC: () => {
        throw new Error(`failure ${++count}`);
      },
    };
    const before = stage.store.persist({ commitQCs: [stage.qc(0)] });
    const failed = stage.store.persist({ commitQCs: stage.qcs(0, 4) }, failing);
    const after = stage.store.persist({ commitQCs: [stage.qc(4)], blocks: [stage.block(0, 0)] });
    const error = await rejection(failed);
    assert.equal((error as Error).message, 'failure 1');
    assert.equal(count, 4);
    await Promise.all([before, after]);
    await stage.store.persist({ blocks: [stage.block(0, 1)] });
    stage.expectCursors({ lanes: { 0: [0, 2] }, qc: [0, 5] });
  },
);

cases.add(
  'a hook may call persist: its round is planned after all accepted rounds and settles separately',
  async (stage) => {
    let nested: Promise<void> = Promise.reject(new Error('the hook did not fire'));
    nested.catch(() => undefined);
    const first = stage.store.persist(
      { blocks: [stage.block(0, 0)] },
      {
        block: () => {
          nested = stage.store.persist({ blocks: [stage.block(0, 2)] });
          nested.catch(() => undefined);
        },
      },
    );
    const second = stage.store.persist({ blocks: [stage.block(0, 1)] });
    await Promise.all([first, second]);
    await nested;
    stage.expectCursors({ lanes: { 0: [0, 3] } });
  },
);

function numberIn(name: string): bigint {
  return BigInt(/(\d+)$/.exec(name)![1]!);
}
