/** The votes of the protocol at 73f917bbd. */
import { laneIdOf } from '../../../keys/index.js';
import type { VoteModel } from '../../model.js';
import { votesOf } from '../votes.js';
import { codecs } from './codecs.js';
import * as schema from './schema.js';
import type { AppProposal, Block, Msg, Proposal, PruneAnchor, SignedBlock, SignedMsg, TimeoutVote } from './types.js';

/** The model of votes: a vote for a state of the application stands at its road index. */
export const votes: VoteModel<Msg, SignedBlock, SignedMsg> = votesOf<Block, Proposal, TimeoutVote, AppProposal>({
  msg: schema.msg,
  // A validator that leaves and joins again has another lane.
  lanesRecur: false,
  isOwnLane: (lane, signer) => lane.startsWith(laneIdOf(signer)),
  appPosition: ({ roadIndex }) => roadIndex,
  appVoteOf: (anchor) => (anchor as PruneAnchor).appQC.vote,
  innerOf: (bytes) => codecs.persistedInner.fromWire(bytes),
});
