/**
 * The manifest of a state of the protocol at 73f917bbd. It has no `committee`: the entries do not
 * say what a vote weighs.
 */
import {
  type CommitQC,
  codecs,
  globalRange,
  headerHash,
  messageHash,
  type Payload,
  type PruneAnchor,
  payloadHash,
  type SignedBlock,
} from '../model/autobahn/73f917bbd/index.js';
import { blockLine, formatTimestamp, hex, identity, laneRangeLines } from './lines.js';
import type { ManifestShape } from './manifest.js';

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
  block: blockLine<Payload>({ headerHash, payloadHash, messageHash, toWire: codecs.signedBlock.toWire }),
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
    laneRanges: laneRangeLines(laneRanges),
    app: null,
    ...identity(codecs.commitQC.toWire(qc)),
  };
}
