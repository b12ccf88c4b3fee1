/** The votes of the protocol at 11419398f. */
import { laneIdOf } from '../../../keys/index.js';
import type { VoteModel } from '../../model.js';
import { votesOf } from '../votes.js';
import { bounds } from './bounds.js';
import { codecs } from './codecs.js';
import * as schema from './schema.js';
import type { AppProposal, Block, Msg, Proposal, PruneAnchor, SignedBlock, SignedMsg, TimeoutVote } from './types.js';

/** The model of votes: a vote for a state of the application stands at its global block number. */
export const votes: VoteModel<Msg, SignedBlock, SignedMsg> = {
  ...votesOf<Block, Proposal, TimeoutVote, AppProposal>({
    msg: schema.msg,
    // A validator that leaves and joins again has the same key, so the same lane.
    lanesRecur: true,
    isOwnLane: (lane, signer) => lane === laneIdOf(signer),
    appPosition: ({ globalNumber }) => globalNumber,
    appVoteOf: (anchor) => (anchor as PruneAnchor).appQC.vote,
    innerOf: (bytes) => codecs.persistedInner.fromWire(bytes),
  }),
  bounds,
};
