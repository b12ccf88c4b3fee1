/**
 * The log of CommitQCs through its own calls, which existing nodes use: the cases of the original's
 * commitqcs_test.go.
 */
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

cases.add('CommitQCs survive reopening, byte for byte', async (stage) => {
  await append(stage, stage.qc(0));
  await append(stage, stage.qc(1, { 0: 3, 1: 0 }), stage.qc(2, { 1: 2 }));
  stage.expectCursors({ qc: [0, 3] });
  await stage.expectStored({ commitQCs: [stage.qc(0), stage.qc(1, { 0: 3, 1: 0 }), stage.qc(2, { 1: 2 })] });
});

cases.add('a truncation within the log keeps the later CommitQCs', async (stage) => {
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

cases.add('a truncation at the oldest CommitQC, or below it, drops nothing', async (stage) => {
  await append(stage, ...stage.qcs(0, 5));
  await prune(stage, 3);
  for (const index of [3, 2, 0]) await prune(stage, index);
  stage.expectCursors({ qc: [3, 5] });
  await stage.expectStored({ commitQCs: stage.qcs(3, 5) });
});

cases.add('several truncations in sequence', async (stage) => {
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

cases.add('a stored or truncated CommitQC is ignored', async (stage) => {
  await append(stage, ...stage.qcs(0, 3));
  await append(stage, stage.qc(1));
  await append(stage, ...stage.qcs(0, 3));
  await prune(stage, 2);
  await append(stage, ...stage.qcs(0, 4));
  stage.expectCursors({ qc: [2, 4] });
  await stage.expectStored({ commitQCs: stage.qcs(2, 4) });
});

cases.add('an ignored CommitQC does not replace the stored one', async (stage) => {
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

cases.add('a new log accepts no first CommitQC but 0', async (stage) => {
  await refused(append(stage, stage.qc(1)), 'LANESTORE_OUT_OF_SEQUENCE', [1, 0]);
  stage.expectCursors({});
});

cases.add('a truncation past the end leaves only its own CommitQC, and the log continues after it', async (stage) => {
  await append(stage, ...stage.qcs(0, 3));
  await prune(stage, 10);
  stage.expectCursors({ qc: [10, 11] });
  await refused(append(stage, stage.qc(12)), 'LANESTORE_OUT_OF_SEQUENCE', [12, 11]);
  await append(stage, stage.qc(3), stage.qc(10), stage.qc(11));
  stage.expectCursors({ qc: [10, 12] });
  await stage.expectStored({ commitQCs: stage.qcs(10, 12) });
});

cases.add('the same on an empty log, as after a crash before the CommitQC was stored', async (stage) => {
  await prune(stage, 10, [stage.qc(10), stage.qc(11)]);
  stage.expectCursors({ qc: [10, 12] });
  await stage.expectStored({ commitQCs: stage.qcs(10, 12) });
});

cases.add('a truncation to exactly the end appends its own CommitQC', async (stage) => {
  await append(stage, ...stage.qcs(0, 3));
  await prune(stage, 3, [stage.qc(3)]);
  stage.expectCursors({ qc: [3, 4] });
  await stage.expectStored({ commitQCs: stage.qcs(3, 4) });
});

cases.add('a truncation to CommitQC 0 appends it too', async (stage) => {
  await prune(stage, 0);
  stage.expectCursors({ qc: [0, 1] });
  await append(stage, ...stage.qcs(0, 2));
  stage.expectCursors({ qc: [0, 2] });
  await stage.expectStored({ commitQCs: stage.qcs(0, 2) });
});

cases.add('a call for the log changes no lane, whatever its CommitQCs say of lanes', async (stage) => {
  await stage.store.persist({ blocks: stage.blocks(0, 0, 4) });
  await stage.store.commitQCs.maybePruneAndPersist(stage.qc(2, { 0: 3 }), [stage.qc(3, { 0: 4 })]);
  stage.expectCursors({ lanes: { 0: [0, 4] }, qc: [2, 4] });
});
