/**
 * From the votes of a call to what the rules judge: each is checked, placed and hashed once, by the
 * model.
 */
import { LanestoreError } from '../errors.js';
import { isU64 } from '../keys/index.js';
import { includesCheck } from '../model/checking-digest.js';
import type { LanePlace, LogPlace, Model, Position, VoteModel } from '../model/model.js';
import type { OwnRound } from './arguments.js';
import type { PlanState } from './planner.js';
import { type PlacedVote, planVotes, type VoteChange } from './vote-rules.js';

/** Positions that one vote names in other logs. */
const BEFORE_MAX = 16;

/** Bytes of a digest. */
const DIGEST_BYTES = 32;

/** The parts that are not stored in one round with votes. */
const OTHER_PARTS = ['anchor', 'commitQCs', 'blocks'] as const;

/** What is asked of a model of votes here. */
type Places = Digests & Pick<VoteModel<unknown, never, unknown>, 'logs' | 'place'>;

/** The part of it that checks and hashes. */
type Digests = Pick<VoteModel<unknown, never, unknown>, 'check' | 'digest'>;

/** A vote that a hook fires for: the caller's own object, and the digest in the planned state. */
export interface VoteToNotify {
  readonly vote: unknown;
  readonly digest: Uint8Array;
}

/**
 * Plans the votes of a round.
 * @throws LANESTORE_INVALID where votes are not kept, or for a round that has more than votes and
 * inner; as {@link placedVote} and {@link planVotes}. Then nothing of the round may be stored.
 */
export function planRoundVotes<B, Q, A>(
  { votes: model }: Pick<Model<B, Q, A>, 'votes'>,
  state: Readonly<PlanState>,
  round: OwnRound<B, Q, A>,
  votes: readonly unknown[],
): { readonly change: VoteChange; readonly notify: readonly VoteToNotify[] } {
  if (model === undefined) throw invalid('round.votes: the model of this store has no votes');
  if (state.votes === undefined) {
    throw new LanestoreError('LANESTORE_INVALID', 'round.votes: this backend keeps no votes', {
      remedy: 'open the store with openLevel, on a location or on a database with durable: true',
    });
  }
  for (const part of OTHER_PARTS) {
    if (round[part] === undefined) continue;
    throw new LanestoreError('LANESTORE_INVALID', `round.votes: ${part} must be in a round of its own`, {
      remedy: 'a refused vote refuses its round: put votes into a round with inner only; nothing was stored',
    });
  }
  const placed: PlacedVote[] = [];
  const notify: VoteToNotify[] = [];
  for (const vote of votes) {
    const place = placedVote(model, vote);
    placed.push(place);
    notify.push({ vote, digest: place.digest });
  }
  return { change: { watermarks: planVotes(state.votes, placed, state.commitQCs.next) }, notify };
}

/**
 * A vote that is in a log.
 * @throws LANESTORE_INVALID for an unknown log, a position of the wrong arity, a vote for a block
 * or a block: these have no log; what the model's check throws.
 */
export function placedVote(model: Places, vote: unknown): PlacedVote {
  const digest = digestOf(model, vote);
  const place = model.place(vote);
  if (isLanePlace(place)) {
    throw new LanestoreError('LANESTORE_INVALID', `a message of lane ${place.lane} is in no log of votes`, {
      remedy: 'sign votes for blocks with guard.laneVote, own blocks with guard.ownBlock',
    });
  }
  const { log, at, before, needs } = place;
  // Copies: what is judged, stored and signed later must be one and the same.
  const position = positionIn(model, log, at);
  if (!Array.isArray(before) || before.length > BEFORE_MAX) {
    throw invalid(`a vote of log ${log} names more than ${BEFORE_MAX} positions of other logs`);
  }
  const positions: LogPlace['before'][number][] = [];
  for (const pair of before) {
    // By index: a pattern takes an iterator for each pair.
    const named = pair[0];
    positions.push([named, positionIn(model, named, pair[1])]);
  }
  if (!isU64(needs)) throw invalid(`a vote of log ${log} needs a CommitQC that no road has: ${String(needs)}`);
  return { log, part: model.logs[log]!.part, at: position, before: positions, needs, digest };
}

/**
 * Checks a vote. Returns the bytes to sign, in memory of their own.
 * @throws LANESTORE_INVALID if the model gives anything but 32 bytes; what the model's check
 * throws.
 */
export function digestOf(model: Digests, vote: unknown): Uint8Array {
  const isChecking = includesCheck(model);
  if (!isChecking) model.check(vote);
  const digest = model.digest(vote);
  if (!(digest instanceof Uint8Array) || digest.length !== DIGEST_BYTES) {
    throw invalid(`the digest of a vote is not ${DIGEST_BYTES} bytes`);
  }
  return isChecking ? digest : new Uint8Array(digest);
}

/** True for a place in a lane. */
export function isLanePlace(place: LogPlace | LanePlace): place is LanePlace {
  return 'lane' in place;
}

/**
 * A copy of a position that fits its log. @throws LANESTORE_INVALID for an unknown log, or a
 * position that does not fit.
 */
export function positionIn({ logs }: Pick<Places, 'logs'>, log: unknown, at: unknown): Position {
  const row = typeof log === 'string' && Object.hasOwn(logs, log) ? logs[log] : undefined;
  if (row === undefined) throw invalid(`a vote of the unknown log ${String(log).slice(0, 64)}`);
  const position: bigint[] = [];
  // Each number is read once, and checked as it is copied.
  if (Array.isArray(at) && at.length === row.arity) {
    for (let i = 0; i < row.arity; i++) {
      const number: unknown = at[i];
      if (isU64(number)) position.push(number);
    }
  }
  if (position.length !== row.arity) {
    throw invalid(`a vote of log ${String(log)} has a position that is not ${row.arity} unsigned 64-bit numbers`);
  }
  return position;
}

function invalid(what: string): LanestoreError {
  return new LanestoreError('LANESTORE_INVALID', what);
}
