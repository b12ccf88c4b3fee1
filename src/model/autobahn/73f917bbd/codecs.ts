/** The codec of each message. */
import { codec } from '../codec.js';
import { type LaneParts, laneMessage } from './lane.js';
import * as persisted from './persisted.js';
import * as schema from './schema.js';
import type * as types from './types.js';

/** A codec for every message that is stored or sent on its own. */
export const codecs = {
  signedBlock: codec<types.SignedBlock>('signedBlock', schema.signedBlock),
  commitQC: codec<types.CommitQC>('commitQC', schema.commitQC),
  pruneAnchor: codec<types.PruneAnchor>('anchor', schema.pruneAnchor),
  block: codec<types.Block>('block', schema.block),
  blockHeader: codec<types.BlockHeader>('blockHeader', schema.blockHeader),
  lane: codec<LaneParts>('lane', laneMessage),
  payload: codec<types.Payload>('payload', schema.payload),
  proposal: codec<types.Proposal>('proposal', schema.proposal),
  appProposal: codec<types.AppProposal>('appProposal', schema.appProposal),
  timeoutVote: codec<types.TimeoutVote>('timeoutVote', schema.timeoutVote),
  laneQC: codec<types.LaneQC>('laneQC', schema.laneQC),
  prepareQC: codec<types.PrepareQC>('prepareQC', schema.prepareQC),
  fullCommitQC: codec<types.FullCommitQC>('fullCommitQC', schema.fullCommitQC),
  appQC: codec<types.AppQC>('appQC', schema.appQC),
  signedBlockHeader: codec<types.Signed<'laneVote'>>('signedBlockHeader', persisted.signedBlockHeader),
  signedProposal: codec<types.Signed<'commitVote'>>('signedProposal', persisted.signedProposal),
  signedTimeoutVote: codec<types.Signed<'timeoutVote'>>('signedTimeoutVote', persisted.signedTimeoutVote),
  signedAppProposal: codec<types.Signed<'appVote'>>('signedAppProposal', persisted.signedAppProposal),
  persistedInner: codec<types.PersistedInner>('inner', persisted.persistedInner),
};
