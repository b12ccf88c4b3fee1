/**
 * Verifies hashes, parents, quorums and signatures, by the rules of the original at 11419398f
 * (sei-tendermint/internal/autobahn/types; for blocks also avail/state.go).
 *
 * Every function throws LANESTORE_VERIFY, with the violated rule and its place, LANESTORE_INVALID
 * for a malformed value, or TypeError for a wrong type; otherwise it returns nothing. Verifying a
 * signature takes about half a millisecond of CPU time.
 */
import { laneRangeOf } from '../lane-ranges.js';
import {
  blockName,
  checkChain,
  checkHash,
  checkLaneQC,
  checkOrderedHeaders,
  checkQuorum,
  checkRanges,
  checkSignature,
  checkSignedBlock,
  commitQCName,
  fault,
} from '../verifying.js';
import { codecs } from './codecs.js';
import type { Committee } from './committee.js';
import { headerHash, messageHash, payloadHash } from './hash.js';
import { globalRange } from './proposal.js';
import type {
  AppProposal,
  AppQC,
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
  SignedMsg,
} from './types.js';

const RULES = { payloadHash, messageHash, ownerOf: (lane: Lane) => lane };

/**
 * Verifies a signed block: its lane is one of the committee's, its payload has the hash in its
 * header, and the lane's own validator signed it. {@link verifyChain} verifies that it continues
 * its lane.
 * @example
 * ```ts
 * import { Committee, isLanestoreError, payloadHash, publicKeyOf, signBlock } from 'lanestore';
 * import { verifySignedBlock } from 'lanestore/model/autobahn';
 *
 * const secret = new Uint8Array(32).fill(1);
 * const createdAt = { seconds: 0n, nanos: 0 };
 * const payload = { createdAt, totalGas: 0n, edgeCount: 0n, basefee: 0n, txs: [] };
 * const header = {
 *   lane: publicKeyOf(secret),
 *   blockNumber: 0n,
 *   parentHash: new Uint8Array(32),
 *   payloadHash: payloadHash(payload),
 * };
 * const committee = new Committee([header.lane]);
 * verifySignedBlock(signBlock(secret, { header, payload }), committee);
 * try {
 *   verifySignedBlock(signBlock(new Uint8Array(32).fill(2), { header, payload }), committee);
 * } catch (error) {
 *   // Refused: its lane's validator did not sign it.
 *   if (!isLanestoreError(error, 'LANESTORE_VERIFY')) throw error;
 * }
 * ```
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

/** Verifies a LaneQC: f+1 votes for a block of one of the committee's lanes. */
export function verifyLaneQC(qc: LaneQC, committee: Committee): void {
  codecs.laneQC.check(qc);
  checkLaneQC(qc, committee, { votes: committee.laneQuorum }, messageHash);
}

/** Verifies a PrepareQC: N-f votes for a proposal over the committee's lanes. */
export function verifyPrepareQC(qc: PrepareQC, committee: Committee): void {
  codecs.prepareQC.check(qc);
  const where = `prepareQC ${qc.vote.view.index}`;
  checkProposal(qc.vote, committee, where);
  checkVotes({ kind: 'prepareVote', value: qc.vote }, qc.sigs, committee, where);
}

/** Verifies a CommitQC: N-f votes for a proposal over the committee's lanes. */
export function verifyCommitQC(qc: CommitQC, committee: Committee): void {
  codecs.commitQC.check(qc);
  const where = commitQCName(qc);
  checkProposal(qc.vote, committee, where);
  checkVotes({ kind: 'commitVote', value: qc.vote }, qc.sigs, committee, where);
}

/**
 * Verifies a FullCommitQC: its CommitQC, and that its headers are exactly those of the blocks that
 * the CommitQC orders.
 */
export function verifyFullCommitQC(full: FullCommitQC, committee: Committee): void {
  codecs.fullCommitQC.check(full);
  verifyCommitQC(full.qc, committee);
  checkOrderedHeaders(full.headers, full.qc.vote.laneRanges, headerHash, `full ${commitQCName(full.qc)}`);
}

/**
 * Verifies that the CommitQC orders the block that a proposed state belongs to. Does not verify the
 * CommitQC.
 */
export function verifyAppProposal(app: AppProposal, commitQC: CommitQC): void {
  codecs.appProposal.check(app);
  codecs.commitQC.check(commitQC);
  checkApp(app, commitQC, `appProposal ${app.roadIndex}`);
}

/**
 * Verifies an AppQC: N-f votes for the state of a block that `commitQC` orders. Does not verify
 * `commitQC`.
 */
export function verifyAppQC(appQC: AppQC, commitQC: CommitQC, committee: Committee): void {
  codecs.appQC.check(appQC);
  codecs.commitQC.check(commitQC);
  const where = `appQC ${appQC.vote.roadIndex}`;
  checkApp(appQC.vote, commitQC, where);
  checkVotes({ kind: 'appVote', value: appQC.vote }, appQC.sigs, committee, where);
}

/** Verifies that a validator of the committee signed this message. Does not verify its content. */
export function verifySignedMsg({ msg, sig }: SignedMsg, committee: Committee): void {
  codecs.signedMsg.check({ msg, sig });
  checkSignature(sig, messageHash(msg), committee, msg.kind);
}

/** Verifies a prune anchor: its CommitQC, its AppQC, and that the two belong together. */
export function verifyAnchor(anchor: PruneAnchor, committee: Committee): void {
  codecs.pruneAnchor.check(anchor);
  verifyCommitQC(anchor.commitQC, committee);
  verifyAppQC(anchor.appQC, anchor.commitQC, committee);
}

/**
 * Verifies a block's header against a CommitQC that orders it: the last block of a lane's range
 * must have the range's last hash. Other headers pass without a check: the CommitQC does not
 * contain their hashes. The chain of parent hashes up to the last block covers them.
 */
export function verifyOrdered(header: BlockHeader, qc: CommitQC): void {
  codecs.blockHeader.check(header);
  codecs.commitQC.check(qc);
  const range = laneRangeOf(qc.vote, header.lane);
  if (range === undefined || range.first === range.next || header.blockNumber !== range.next - 1n) return;
  checkHash(blockName(header), 'header hash', headerHash(header), range.lastHash, commitQCName(qc));
}

function checkApp({ roadIndex, globalNumber }: AppProposal, commitQC: CommitQC, where: string): void {
  if (roadIndex !== commitQC.vote.view.index) throw fault(where, `does not belong to ${commitQCName(commitQC)}`);
  const { first, next } = globalRange(commitQC.vote);
  if (globalNumber < first || globalNumber >= next) {
    throw fault(where, `global number ${globalNumber} is not in [${first}, ${next}), which its CommitQC orders`);
  }
}

function checkProposal(proposal: Proposal, committee: Committee, where: string): void {
  checkRanges(proposal.laneRanges, (lane) => committee.hasLane(lane), where);
}

function* headersOf(blocks: Iterable<SignedBlock>): Generator<BlockHeader, void, void> {
  for (const signed of blocks) {
    codecs.signedBlock.check(signed);
    yield signed.block.header;
  }
}

function checkVotes(msg: Msg, sigs: readonly Signature[], committee: Committee, where: string): void {
  checkQuorum(messageHash(msg), sigs, committee, { votes: committee.quorum }, where);
}
