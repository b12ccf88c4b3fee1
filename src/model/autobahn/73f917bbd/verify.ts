/**
 * Verifies hashes, parents, epochs, quorums and signatures, by the rules of the original at
 * 73f917bbd (sei-tendermint/internal/autobahn/types).
 *
 * Every function throws LANESTORE_VERIFY, with the violated rule and its place, LANESTORE_INVALID
 * for a malformed value, or TypeError for a wrong type; otherwise it returns nothing. Verifying a
 * signature takes about half a millisecond of CPU time.
 */
import {
  checkChain,
  checkLaneQC,
  checkOrderedHeaders,
  checkPayload,
  checkQuorum,
  checkRanges,
  checkSignature,
  checkSignedBlock,
  commitQCName,
  fault,
  type Quorum,
} from '../verifying.js';
import { codecs } from './codecs.js';
import type { Committee } from './committee.js';
import type { Epoch } from './epochs.js';
import { headerHash, messageHash, payloadHash } from './hash.js';
import { laneParts } from './lane.js';
import { globalRange } from './proposal.js';
import type {
  AppProposal,
  AppQC,
  Block,
  BlockHeader,
  CommitQC,
  FullCommitQC,
  Lane,
  LaneQC,
  Msg,
  PrepareQC,
  Proposal,
  PruneAnchor,
  Signature,
  SignedBlock,
  View,
} from './types.js';

const RULES = { payloadHash, messageHash, ownerOf: (lane: Lane) => laneParts(lane).key };

/** Verifies that a block's payload has the hash in its header. */
export function verifyPayload(block: Block): void {
  checkPayload(block, payloadHash);
}

/**
 * Verifies a signed block: its lane is one of the committee's, its payload has the hash in its
 * header, and the lane's own validator signed it. {@link verifyChain} verifies that it continues
 * its lane.
 */
export function verifySignedBlock(signed: SignedBlock, committee: Committee): void {
  codecs.signedBlock.check(signed);
  checkSignedBlock(signed, committee, RULES);
}

/**
 * Verifies consecutive blocks of one lane: their numbers have no gaps, and each parent hash is the
 * hash of the block before.
 * @param parent the header before the first block; without it, the parent hash of the first block
 * is not verified
 */
export function verifyChain(blocks: Iterable<SignedBlock>, parent?: BlockHeader): void {
  checkChain(headersOf(blocks), parent, headerHash);
}

/** Verifies a LaneQC: votes of more than the faulty weight, for a block of one of its lanes. */
export function verifyLaneQC(qc: LaneQC, committee: Committee): void {
  codecs.laneQC.check(qc);
  checkLaneQC(qc, committee, quorumOf(committee, committee.laneQuorum), messageHash);
}

/** Verifies a PrepareQC: a quorum for a proposal of this epoch, over its committee's lanes. */
export function verifyPrepareQC(qc: PrepareQC, epoch: Epoch): void {
  codecs.prepareQC.check(qc);
  const where = `prepareQC ${qc.vote.view.index}`;
  checkProposal(qc.vote, epoch, where);
  checkVotes({ kind: 'prepareVote', value: qc.vote }, qc.sigs, epoch.committee, where);
}

/** Verifies a CommitQC: a quorum for a proposal of this epoch, over its committee's lanes. */
export function verifyCommitQC(qc: CommitQC, epoch: Epoch): void {
  codecs.commitQC.check(qc);
  const where = commitQCName(qc);
  checkProposal(qc.vote, epoch, where);
  checkVotes({ kind: 'commitVote', value: qc.vote }, qc.sigs, epoch.committee, where);
}

/** Verifies that the headers are exactly those of the blocks that the CommitQC orders. */
export function verifyHeaders({ qc, headers }: FullCommitQC): void {
  const where = `full ${commitQCName(qc)}`;
  checkRanges(qc.vote.laneRanges, () => true, where);
  checkOrderedHeaders(headers, qc.vote.laneRanges, headerHash, where);
}

/** Verifies a FullCommitQC: its CommitQC, and its headers. */
export function verifyFullCommitQC(full: FullCommitQC, epoch: Epoch): void {
  codecs.fullCommitQC.check(full);
  verifyCommitQC(full.qc, epoch);
  verifyHeaders(full);
}

/**
 * Verifies that a proposed state is that after the blocks of this CommitQC: road index, epoch and
 * global numbers. Does not verify the CommitQC.
 */
export function verifyAppProposal(app: AppProposal, commitQC: CommitQC): void {
  codecs.appProposal.check(app);
  codecs.commitQC.check(commitQC);
  checkApp(app, commitQC, `appProposal ${app.roadIndex}`);
}

/** Verifies an AppQC: a quorum for the state after the blocks of `commitQC`. Trusts `commitQC`. */
export function verifyAppQC(appQC: AppQC, commitQC: CommitQC, committee: Committee): void {
  codecs.appQC.check(appQC);
  codecs.commitQC.check(commitQC);
  const where = `appQC ${appQC.vote.roadIndex}`;
  checkApp(appQC.vote, commitQC, where);
  checkVotes({ kind: 'appVote', value: appQC.vote }, appQC.sigs, committee, where);
}

/** Verifies that a validator of the committee signed this message. Does not verify its content. */
export function verifySigned(msg: Msg, sig: Signature, committee: Committee): void {
  checkSignature(sig, messageHash(msg), committee, msg.kind);
}

/** Verifies a prune anchor: its CommitQC, its AppQC, and that the two belong together. */
export function verifyAnchor(anchor: PruneAnchor, epoch: Epoch): void {
  codecs.pruneAnchor.check(anchor);
  verifyCommitQC(anchor.commitQC, epoch);
  verifyAppQC(anchor.appQC, anchor.commitQC, epoch.committee);
}

/** Verifies that a view is of this epoch. */
export function checkEpochOf(view: View, epoch: Epoch, where: string): void {
  if (view.epochIndex !== epoch.index) throw fault(where, `is of epoch ${view.epochIndex}, not of ${epoch.index}`);
}

function checkApp(app: AppProposal, { vote }: CommitQC, where: string): void {
  const { first, next } = globalRange(vote);
  if (app.roadIndex !== vote.view.index) throw fault(where, `does not belong to commitQC ${vote.view.index}`);
  if (app.epochIndex !== vote.view.epochIndex) {
    throw fault(where, `is of epoch ${app.epochIndex}, its CommitQC of ${vote.view.epochIndex}`);
  }
  if (app.globalFirst !== first || app.globalNext !== next) {
    throw fault(where, `has blocks [${app.globalFirst}, ${app.globalNext}), its CommitQC orders [${first}, ${next})`);
  }
}

function checkProposal(proposal: Proposal, epoch: Epoch, where: string): void {
  checkEpochOf(proposal.view, epoch, where);
  checkRanges(proposal.laneRanges, (lane) => epoch.committee.hasLane(lane), where);
}

function* headersOf(blocks: Iterable<SignedBlock>): Generator<BlockHeader, void, void> {
  for (const signed of blocks) {
    codecs.signedBlock.check(signed);
    yield signed.block.header;
  }
}

function checkVotes(msg: Msg, sigs: readonly Signature[], committee: Committee, where: string): void {
  checkQuorum(messageHash(msg), sigs, committee, quorumOf(committee, committee.quorum), where);
}

/** Votes of this weight. */
function quorumOf(committee: Committee, weight: bigint): Quorum {
  return { weight, weightOf: (key) => committee.weightOf(key) };
}
