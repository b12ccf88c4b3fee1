/**
 * The signed messages of one type each, and the node's consensus state, as tables. See schema.ts.
 */
import { optional, repeated, required } from '../fields.js';
import { Message } from '../message.js';
import * as pb from './autobahn_pb.js';
import { appProposal, blockHeader, commitQC, prepareQC, proposal, signature, timeoutVote } from './schema.js';
import type * as types from './types.js';

/** A vote for a block. */
export const signedBlockHeader = new Message<types.Signed<'laneVote'>>(pb.SignedBlockHeaderSchema, {
  msg: required(1, blockHeader),
  sig: required(2, signature),
});

/** A proposal, a prepare vote or a commit vote: the field that contains it determines which. */
export const signedProposal = new Message<types.Signed<'commitVote'>>(pb.SignedProposalSchema, {
  msg: required(1, proposal),
  sig: required(2, signature),
});

/** A vote to give up on a view. */
export const signedTimeoutVote = new Message<types.Signed<'timeoutVote'>>(pb.SignedTimeoutVoteSchema, {
  msg: required(1, timeoutVote),
  sig: required(2, signature),
});

/** A vote for a state of the application. */
export const signedAppProposal = new Message<types.Signed<'appVote'>>(pb.SignedAppProposalSchema, {
  msg: required(1, appProposal),
  sig: required(2, signature),
});

/**
 * A quorum of timeout votes. The node verifies the voters, and that one of them saw the PrepareQC.
 */
export const timeoutQC = new Message<types.TimeoutQC>(pb.TimeoutQCSchema, {
  latestPrepareQC: optional(2, prepareQC),
  votes: repeated(3, signedTimeoutVote),
});

/** A timeout vote, and the PrepareQC that it names. */
export const fullTimeoutVote = new Message<types.FullTimeoutVote>(pb.FullTimeoutVoteSchema, {
  latestPrepareQC: optional(2, prepareQC),
  vote: required(3, signedTimeoutVote),
});

/**
 * Every part is optional, as in a node that has just started. The node verifies that the parts
 * belong to one view.
 */
export const persistedInner = new Message<types.PersistedInner>(pb.PersistedInnerSchema, {
  commitQC: optional(1, commitQC),
  prepareQC: optional(2, prepareQC),
  timeoutQC: optional(3, timeoutQC),
  timeoutVote: optional(6, fullTimeoutVote),
  commitVote: optional(7, signedProposal),
  // The same message: only the field distinguishes a prepare vote from a commit vote.
  prepareVote: optional(8, signedProposal as unknown as Message<types.Signed<'prepareVote'>>),
});
