/**
 * The messages that a node persists outside of the logs, as tables: its consensus state, and the
 * wrapper of A/B files. See schema.ts.
 */
import { optional, repeated, required, type Table } from '../fields.js';
import { Message } from '../message.js';
import { bytes, u64 } from '../scalars.js';
import * as pb from './autobahn_pb.js';
import { commitQC, msg, prepareQC, signature } from './schema.js';
import type * as types from './types.js';

/** A SignedMsg with a timeout vote. */
const signedTimeoutVote = signedAs('timeoutVote');

/**
 * A quorum of timeout votes. The node verifies the voters, and that one of them saw the PrepareQC.
 */
export const timeoutQC = new Message<types.TimeoutQC>(pb.TimeoutQCSchema, {
  votes: repeated(1, signedTimeoutVote),
  latestPrepareQC: optional(2, prepareQC),
});

/** A timeout vote, and the PrepareQC that it names. */
export const fullTimeoutVote = new Message<types.FullTimeoutVote>(pb.FullTimeoutVoteSchema, {
  vote: required(1, signedTimeoutVote),
  latestPrepareQC: optional(2, prepareQC),
});

/**
 * Every part is optional, as in a node that has just started. The node verifies that the parts
 * belong to one view.
 */
export const persistedInner = new Message<types.PersistedInner>(pb.PersistedInnerSchema, {
  commitQC: optional(1, commitQC),
  prepareQC: optional(2, prepareQC),
  timeoutQC: optional(3, timeoutQC),
  commitVote: optional(4, signedAs('commitVote')),
  prepareVote: optional(5, signedAs('prepareVote')),
  timeoutVote: optional(6, fullTimeoutVote),
});

/** The wrapper of the original around the content of an A/B file. */
export const persistedWrapper = new Message<types.PersistedWrapper>(pb.PersistedWrapperSchema, {
  seq: required(1, u64),
  data: required(2, bytes()),
});

/** A SignedMsg with a message of one kind. */
function signedAs<K extends types.Msg['kind']>(kind: K): Message<types.Signed<K>> {
  // The rows are those of signedMsg; `only` refuses other kinds.
  const table = { msg: required(1, msg.only(kind)), sig: required(2, signature) } as unknown as Table<types.Signed<K>>;
  return new Message(pb.SignedMsgSchema, table);
}
