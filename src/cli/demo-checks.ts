/**
 * The demo's checks: compares a store's content with the acknowledgements of a killed process, and
 * with the recording.
 */
import { LanestoreError } from '../errors.js';
import type { CommitQC, LaneId, PruneAnchor, Recovered, SignedBlock } from '../index.js';
import { manifestOf } from '../inspector/index.js';
import {
  autobahn,
  Committee,
  verifyAnchor,
  verifyChain,
  verifyCommitQC,
  verifySignedBlock,
} from '../model/autobahn/index.js';
import { type Acknowledgements, blockName } from './demo-child.js';
import type { RecordedRound } from './rounds-file.js';

type Content = Recovered<SignedBlock, CommitQC, PruneAnchor>;

/**
 * The content of a store after `rounds`, computed from the recording alone: everything from the
 * last anchor on.
 */
export function impliedBy(rounds: readonly RecordedRound[]): Content {
  const anchor = rounds.reduce<PruneAnchor | undefined>((last, round) => round.anchor ?? last, undefined);
  const road = anchor === undefined ? 0n : autobahn.anchor.index(anchor);
  const starts = new Map(anchor === undefined ? [] : autobahn.commitQC.laneStarts(anchor.commitQC));
  const commitQCs = new Map<bigint, CommitQC>();
  const blocks = new Map<LaneId, SignedBlock[]>();
  for (const round of rounds) {
    for (const qc of round.commitQCs)
      if (autobahn.commitQC.index(qc) >= road) commitQCs.set(autobahn.commitQC.index(qc), qc);
    for (const block of round.blocks) {
      const lane = autobahn.block.lane(block);
      if (autobahn.block.number(block) < (starts.get(lane) ?? 0n)) continue;
      blocks.set(lane, [...(blocks.get(lane) ?? []), block]);
    }
  }
  return { ...(anchor === undefined ? {} : { anchor }), commitQCs: [...commitQCs.values()], blocks };
}

/**
 * Checks that the recovered content is the result of the first `survived` rounds, at least as many
 * as were acknowledged, and that every acknowledged entry was recovered, unless the recovered
 * anchor pruned it.
 */
export function checkAcknowledged(
  rounds: readonly RecordedRound[],
  found: Content,
  acked: Acknowledgements,
): { problems: string[]; survived: number } {
  const problems: string[] = [];
  const starts = new Map(found.anchor === undefined ? [] : autobahn.commitQC.laneStarts(found.anchor.commitQC));
  const road = found.anchor === undefined ? -1n : autobahn.anchor.index(found.anchor);
  const blocks = new Set(
    [...found.blocks.values()]
      .flat()
      .map((block) => blockName(autobahn.block.lane(block), autobahn.block.number(block))),
  );
  const commitQCs = new Set(found.commitQCs.map((qc) => autobahn.commitQC.index(qc)));
  for (const name of acked.blocks) {
    const [lane = '', number = '0'] = name.split(' ');
    if (!blocks.has(name) && BigInt(number) >= (starts.get(lane) ?? 0n))
      problems.push(`block ${name} was acknowledged and is missing`);
  }
  for (const index of acked.commitQCs) {
    if (!commitQCs.has(index) && index >= road) problems.push(`CommitQC ${index} was acknowledged and is missing`);
  }
  for (const index of acked.anchors) if (index > road) problems.push(`anchor ${index} was acknowledged and is missing`);
  let least = 0;
  for (const round of acked.durable) least = Math.max(least, round);
  const manifest = JSON.stringify(manifestOf(found));
  for (let count = least; count <= rounds.length; count++) {
    if (JSON.stringify(manifestOf(impliedBy(rounds.slice(0, count)))) === manifest)
      return { problems, survived: count };
  }
  problems.push(`the recovered content is not the result of the first ${least} or more rounds`);
  return { problems, survived: least };
}

/** Compares two contents entry by entry; returns the differences. */
export function checkComplete(expected: Content, found: Content): string[] {
  const [want, have] = [manifestOf(expected), manifestOf(found)];
  const problems: string[] = [];
  const compare = (what: string, a: unknown, b: unknown) => {
    if (JSON.stringify(a) !== JSON.stringify(b)) problems.push(`${what} differs from the recording`);
  };
  compare('the anchor', want.anchor, have.anchor);
  compare('the number of CommitQCs', want.commitQCs.length, have.commitQCs.length);
  for (const [i, qc] of want.commitQCs.entries()) compare(`CommitQC ${qc.roadIndex}`, qc, have.commitQCs[i]);
  compare('the set of lanes', Object.keys(want.lanes), Object.keys(have.lanes));
  for (const [lane, blocks] of Object.entries(want.lanes)) {
    compare(`the number of blocks of lane ${lane}`, blocks.length, have.lanes[lane]?.length);
    for (const [i, block] of blocks.entries())
      compare(`block ${block.number} of lane ${lane}`, block, have.lanes[lane]?.[i]);
  }
  return problems;
}

/**
 * Verifies every signature, payload hash and parent hash, with the committee of the oldest
 * CommitQC.
 */
export function checkSignatures(found: Content): { problems: string[]; signatures: number } {
  const problems: string[] = [];
  let signatures = 0;
  const check = (count: number, verify: () => void) => {
    try {
      verify();
      signatures += count;
    } catch (error) {
      if (!(error instanceof LanestoreError)) throw error;
      problems.push(error.message);
    }
  };
  const source = found.anchor?.commitQC ?? found.commitQCs[0];
  if (source === undefined) return { problems: ['the committee is unknown: there is no CommitQC'], signatures };
  const committee = new Committee(source.vote.laneRanges.map(({ lane }) => lane));
  const { anchor } = found;
  if (anchor !== undefined)
    check(anchor.appQC.sigs.length + anchor.commitQC.sigs.length, () => verifyAnchor(anchor, committee));
  for (const qc of found.commitQCs) check(qc.sigs.length, () => verifyCommitQC(qc, committee));
  for (const blocks of found.blocks.values()) {
    check(0, () => verifyChain(blocks));
    for (const block of blocks) check(1, () => verifySignedBlock(block, committee));
  }
  return { problems, signatures };
}
