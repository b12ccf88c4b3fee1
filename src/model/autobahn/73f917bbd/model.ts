/** Autobahn at 73f917bbd as a model. */
import { type LaneId, laneIdOf } from '../../../keys/index.js';
import type { Model, VoteModel } from '../../model.js';
import { codecs } from './codecs.js';
import type { CommitQC, LaneRange, Msg, PruneAnchor, SignedBlock, SignedMsg } from './types.js';
import { votes } from './votes.js';

/**
 * The model of the protocol at 73f917bbd: blocks are signed lane proposals, a lane is a validator's
 * key and the epoch in which it joined. An anchor proves that the blocks of its CommitQC are
 * executed, so it starts each lane after them.
 */
export const autobahn: Model<SignedBlock, CommitQC, PruneAnchor> & {
  readonly votes: VoteModel<Msg, SignedBlock, SignedMsg>;
} = {
  name: 'autobahn/73f917bbd',
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

function laneStart({ lane, next }: LaneRange): readonly [LaneId, bigint] {
  return [laneIdOf(lane), next];
}
