/** Autobahn at 11419398f as a model. */
import { type LaneId, laneIdOf } from '../../../keys/index.js';
import type { Model, VoteModel } from '../../model.js';
import { codecs } from './codecs.js';
import type { CommitQC, LaneRange, Msg, PruneAnchor, SignedBlock, SignedMsg } from './types.js';
import { votes } from './votes.js';

/**
 * The model of the protocol at 11419398f: blocks are signed lane proposals, lanes are validators'
 * public keys.
 */
export const autobahn: Model<SignedBlock, CommitQC, PruneAnchor> & {
  readonly votes: VoteModel<Msg, SignedBlock, SignedMsg>;
} = {
  name: 'autobahn/11419398f',
  block: {
    ...codecs.signedBlock,
    lane: ({ block }) => laneIdOf(block.header.lane),
    number: ({ block }) => block.header.blockNumber,
  },
  commitQC: {
    ...codecs.commitQC,
    index: ({ vote }) => vote.view.index,
    laneStarts: ({ vote }) => vote.laneRanges.map(laneStart),
  },
  anchor: {
    ...codecs.pruneAnchor,
    index: ({ appQC }) => appQC.vote.roadIndex,
    commitQC: ({ commitQC }) => commitQC,
  },
  inner: { check: (bytes) => void codecs.persistedInner.fromWire(bytes) },
  votes,
};

function laneStart({ lane, first }: LaneRange): readonly [LaneId, bigint] {
  return [laneIdOf(lane), first];
}
