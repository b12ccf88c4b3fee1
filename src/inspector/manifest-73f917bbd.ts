/**
 * The manifest of a state of the protocol at 73f917bbd. It has no `committee`: the entries do not
 * say what a vote weighs.
 */
import { laneIdOf } from '../index.js';
import {
  type CommitQC,
  codecs,
  globalRange,
  headerHash,
  messageHash,
  type PruneAnchor,
  payloadHash,
  type SignedBlock,
} from '../model/autobahn/73f917bbd/index.js';
import { formatTimestamp, hex, identity, type ManifestBlock, type ManifestShape } from './manifest.js';

/** The shape of `lanestore/model/autobahn-73f917bbd`. */
export const MANIFEST_SHAPE_73F917BBD: ManifestShape<SignedBlock, CommitQC, PruneAnchor> = {
  anchor: ({ appQC, commitQC }) => ({
    appRoadIndex: String(appQC.vote.roadIndex),
    appEpochIndex: String(appQC.vote.epochIndex),
    appGlobalRange: [String(appQC.vote.globalFirst), String(appQC.vote.globalNext)],
    appHash: hex(appQC.vote.appHash),
    appQCSha256: identity(codecs.appQC.toWire(appQC)).recordSha256,
    commitRoadIndex: String(commitQC.vote.view.index),
    commitQCSha256: identity(codecs.commitQC.toWire(commitQC)).recordSha256,
  }),
  commitQCOf: ({ commitQC }) => commitQC,
  commitQC: manifestCommitQC,
  block: manifestBlock,
};

function manifestCommitQC(qc: CommitQC): object {
  const { view, laneRanges, timestamp } = qc.vote;
  const range = globalRange(qc.vote);
  return {
    roadIndex: String(view.index),
    viewNumber: String(view.number),
    epochIndex: String(view.epochIndex),
    timestamp: formatTimestamp(timestamp),
    voteHash: hex(messageHash({ kind: 'commitVote', value: qc.vote })),
    signatures: qc.sigs.length,
    globalRange: [String(range.first), String(range.next)],
    laneRanges: laneRanges.map(({ lane, first, next, lastHash }) => ({
      lane: laneIdOf(lane),
      first: String(first),
      next: String(next),
      lastHash: hex(lastHash),
    })),
    app: null,
    ...identity(codecs.commitQC.toWire(qc)),
  };
}

function manifestBlock(signed: SignedBlock): ManifestBlock {
  const { header, payload } = signed.block;
  return {
    lane: laneIdOf(header.lane),
    number: String(header.blockNumber),
    headerHash: hex(headerHash(header)),
    parentHash: hex(header.parentHash),
    payloadHash: hex(payloadHash(payload)),
    messageHash: hex(messageHash({ kind: 'laneProposal', value: signed.block })),
    signer: hex(signed.sig.key),
    txs: payload.txs.length,
    createdAt: formatTimestamp(payload.createdAt),
    ...identity(codecs.signedBlock.toWire(signed)),
  };
}
