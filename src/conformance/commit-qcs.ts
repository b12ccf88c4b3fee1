/** The log of CommitQCs, driven on its own, as an existing node does it: upstream's commitqcs_test.go. */
import { Cases } from './case.js';
import { refused } from './expect.js';
import type { Stage } from './stage.js';
import type { AnyCommitQC } from './subject.js';

/** Cases of {@link CommitQCPersister}, and of CommitQCs in rounds. */
export const commitQCCases = new Cases('CommitQCs');
const cases = commitQCCases;

function append(stage: Stage, ...qcs: AnyCommitQC[]): Promise<void> {
  return stage.store.commitQCs.maybePruneAndPersist(undefined, qcs);
}

function prune(stage: Stage, index: number, qcs: readonly AnyCommitQC[] = []): Promise<void> {
  return stage.store.commitQCs.maybePruneAndPersist(stage.qc(index), qcs);
}

cases.add('a new log is empty and begins at 0', async (stage) => {
  stage.expectCursors({});
  await append(stage);
  stage.expectCursors({});
  await stage.expectStored({});
});

cases.add('CommitQCs are there after reopening, byte for byte', async (stage) => {
  await append(stage, stage.qc(0));
  await append(stage, stage.qc(1, { 0: 3, 1: 0 }), stage.qc(2, { 1: 2 }));
  stage.expectCursors({ qc: [0, 3] });
  await stage.expectStored({ commitQCs: [stage.qc(0), stage.qc(1, { 0: 3, 1: 0 }), stage.qc(2, { 1: 2 })] });
});

cases.add('a truncation inside of the log keeps what stands behind it', async (stage) => {
  await append(stage, ...stage.qcs(0, 5));
  await prune(stage, 3);
  stage.expectCursors({ qc: [3, 5] });
  await stage.expectStored({ commitQCs: stage.qcs(3, 5) });
});

cases.add('a truncation at 0 drops nothing', async (stage) => {
  await append(stage, ...stage.qcs(0, 2));
  await prune(stage, 0);
  stage.expectCursors({ qc: [0, 2] });
  await stage.expectStored({ commitQCs: stage.qcs(0, 2) });
});

cases.add('a truncation at the oldest one, or below it, drops nothing', async (stage) => {
  await append(stage, ...stage.qcs(0, 5));
  await prune(stage, 3);
  for (const index of [3, 2, 0]) await prune(stage, index);
  stage.expectCursors({ qc: [3, 5] });
  await stage.expectStored({ commitQCs: stage.qcs(3, 5) });
});

cases.add('truncations one after the other', async (stage) => {
  await append(stage, ...stage.qcs(0, 6));
  await prune(stage, 2);
  stage.expectCursors({ qc: [2, 6] });
  await prune(stage, 5);
  stage.expectCursors({ qc: [5, 6] });
  await stage.expectStored({ commitQCs: stage.qcs(5, 6) });
});

cases.add('truncate, then append, in one call', async (stage) => {
  await append(stage, ...stage.qcs(0, 4));
  await prune(stage, 2, stage.qcs(4, 6));
  stage.expectCursors({ qc: [2, 6] });
  await stage.expectStored({ commitQCs: stage.qcs(2, 6) });
});

cases.add('one that is stored, or was truncated, is ignored', async (stage) => {
  await append(stage, ...stage.qcs(0, 3));
  await append(stage, stage.qc(1));
  await append(stage, ...stage.qcs(0, 3));
  await prune(stage, 2);
  await append(stage, ...stage.qcs(0, 4));
  stage.expectCursors({ qc: [2, 4] });
  await stage.expectStored({ commitQCs: stage.qcs(2, 4) });
});

cases.add('an ignored one does not replace what is stored', async (stage) => {
  await append(stage, ...stage.qcs(0, 2));
  await append(stage, stage.qc(1, { 0: 77 }));
  await prune(stage, 1);
  await stage.store.commitQCs.maybePruneAndPersist(stage.qc(1, { 0: 78 }), []);
  stage.expectCursors({ qc: [1, 2] });
  await stage.expectStored({ commitQCs: stage.qcs(1, 2) });
});

cases.add('a gap is refused, and nothing of the call is stored', async (stage) => {
  await append(stage, ...stage.qcs(0, 2));
  await refused(append(stage, stage.qc(3)), 'LANESTORE_OUT_OF_SEQUENCE', [3, 2]);
  await refused(append(stage, stage.qc(2), stage.qc(4)), 'LANESTORE_OUT_OF_SEQUENCE', [4, 3]);
  await refused(prune(stage, 1, [stage.qc(5)]), 'LANESTORE_OUT_OF_SEQUENCE', [5, 2]);
  await refused(stage.store.persist({ commitQCs: [stage.qc(3)] }), 'LANESTORE_OUT_OF_SEQUENCE', [3, 2]);
  stage.expectCursors({ qc: [0, 2] });
  await stage.expectStored({ commitQCs: stage.qcs(0, 2) });
});

cases.add('a new log takes no first CommitQC but 0', async (stage) => {
  await refused(append(stage, stage.qc(1)), 'LANESTORE_OUT_OF_SEQUENCE', [1, 0]);
  stage.expectCursors({});
});

cases.add(
  'a truncation past the end leaves the CommitQC that it brings, and the log goes on behind it',
  async (stage) => {
    await append(stage, ...stage.qcs(0, 3));
    await prune(stage, 10);
    stage.expectCursors({ qc: [10, 11] });
    await refused(append(stage, stage.qc(12)), 'LANESTORE_OUT_OF_SEQUENCE', [12, 11]);
    await append(stage, stage.qc(3), stage.qc(10), stage.qc(11));
    stage.expectCursors({ qc: [10, 12] });
    await stage.expectStored({ commitQCs: stage.qcs(10, 12) });
  },
);

cases.add(
  'so it does on a log that holds nothing: what the node does after a crash before the CommitQC was there',
  async (stage) => {
    await prune(stage, 10, [stage.qc(10), stage.qc(11)]);
    stage.expectCursors({ qc: [10, 12] });
    await stage.expectStored({ commitQCs: stage.qcs(10, 12) });
  },
);

cases.add('a truncation to exactly the end appends the CommitQC that it brings', async (stage) => {
  await append(stage, ...stage.qcs(0, 3));
  await prune(stage, 3, [stage.qc(3)]);
  stage.expectCursors({ qc: [3, 4] });
  await stage.expectStored({ commitQCs: stage.qcs(3, 4) });
});

cases.add('CommitQC 0 is appended by the truncation that brings it as well', async (stage) => {
  await prune(stage, 0);
  stage.expectCursors({ qc: [0, 1] });
  await append(stage, ...stage.qcs(0, 2));
  stage.expectCursors({ qc: [0, 2] });
  await stage.expectStored({ commitQCs: stage.qcs(0, 2) });
});

cases.add('the log touches no lane, whatever its CommitQCs say of them', async (stage) => {
  await stage.store.persist({ blocks: stage.blocks(0, 0, 4) });
  await stage.store.commitQCs.maybePruneAndPersist(stage.qc(2, { 0: 3 }), [stage.qc(3, { 0: 4 })]);
  stage.expectCursors({ lanes: { 0: [0, 4] }, qc: [2, 4] });
});
