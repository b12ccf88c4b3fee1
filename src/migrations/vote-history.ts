/**
 * The votes of a state without a record of votes, derived from the node's own consensus state and
 * the anchor. A state on disk may be an old copy of one that went on to sign, so all parts are
 * closed; only an operator opens them.
 */
import { closedFor, NO_STORED_VOTES, type StoredVotes } from '../adapter/level/conversion.js';
import { isLanestoreError } from '../errors.js';
import type { Model, VoteHistory } from '../model/model.js';

/**
 * The votes of such a state, closed. `known` is the record of a store without a bound key: floors
 * of lanes, the quarantine, and floors of logs.
 */
export function closedVotes<B, Q, A>(
  model: Model<B, Q, A>,
  inner: Uint8Array | undefined,
  anchor: A | undefined,
  known: StoredVotes = NO_STORED_VOTES,
): StoredVotes {
  const { signer, logs } = historyOf(model, inner, anchor);
  const votes = { ...known, signer, logs: new Map([...known.logs, ...logs]) };
  return closedFor(votes, 'the state kept no votes: its key may have signed since');
}

function historyOf<B, Q, A>(model: Model<B, Q, A>, inner: Uint8Array | undefined, anchor: A | undefined): VoteHistory {
  if (model.votes?.history === undefined) return { signer: undefined, logs: new Map() };
  try {
    return model.votes.history(inner, anchor);
  } catch (error) {
    // An inner state of another protocol: only its node can read it.
    if (!isLanestoreError(error, 'LANESTORE_INVALID')) throw error;
    return model.votes.history(undefined, anchor);
  }
}
