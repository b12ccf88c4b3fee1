/**
 * What becomes of a store's votes other than by its rounds: a rollback that was accepted, a
 * snapshot, an import, a release, a handover, a signing history. Each is one synced batch, tip
 * first, with a record of what was decided:
 *
 *   meta/tip                 the same, with the new seq
 *   votes, votes/lanes       what the votes are from here on
 *   inner                    with a signing history: that of the store that handed over
 *   meta/event/<seq>         { event, at, ... }
 */
import { eventKey, INNER_KEY, LANE_FLOORS_KEY, TIP_KEY, VOTES_KEY } from '../../../keys/index.js';
import { VOTE_PARTS } from '../../store-votes.js';
import { withQuarantine } from '../../vote-rules.js';
import type { Operation } from '../format/operation.js';
import { encodeRecord } from '../format/record.js';
import { encodeTip, type Tip } from '../format/tip.js';
import { encodeLaneFloors, encodeVotes, type StoredQuarantine, type StoredVotes } from '../format/votes.js';
import type { WitnessVerdict } from '../format/witness-check.js';

/** A change of the votes, and why. */
export interface Amendment {
  readonly votes: StoredVotes;
  /** The node's inner state, if it changes. */
  readonly inner?: Uint8Array | undefined;
  /** What the record of the event says besides `at`. */
  readonly event: { readonly event: string; readonly [field: string]: unknown };
  /** The number of the batch, above that of the tip. Default: the next one. */
  readonly seq?: bigint;
}

/** What a store is after an amendment. */
export interface Amended {
  readonly tip: Tip;
  readonly votes: StoredVotes;
  /** The batch that makes it so. */
  readonly operations: readonly Operation[];
}

/** The batch of an amendment. Pure. */
export function amended(tip: Tip, amendment: Amendment): Amended {
  const {
    votes,
    inner,
    event: { event, ...detail },
    seq = tip.seq + 1n,
  } = amendment;
  const { quarantine } = votes;
  const own =
    quarantine === undefined ? votes : { ...votes, quarantine: { ...quarantine, seq: quarantine.seq ?? seq } };
  const record = encodeVotes(own, seq);
  const floors = own.laneFloors.size === 0 && tip.laneFloors === null ? undefined : encodeLaneFloors(own.laneFloors);
  const state = inner === undefined ? undefined : encodeRecord(INNER_KEY, inner);
  const next: Tip = { ...tip, seq, inner: state?.crc ?? tip.inner, votes: record.crc, laneFloors: floors?.crc ?? null };
  const key = eventKey(seq);
  return {
    tip: next,
    votes: own,
    operations: [
      { type: 'put', key: TIP_KEY, value: encodeTip(next).bytes },
      { type: 'put', key: VOTES_KEY, value: record.bytes },
      ...(state === undefined ? [] : [{ type: 'put', key: INNER_KEY, value: state.bytes } as const]),
      ...(floors === undefined ? [] : [{ type: 'put', key: LANE_FLOORS_KEY, value: floors.bytes } as const]),
      { type: 'put', key, value: encodeRecord(key, { event, at: new Date().toISOString(), ...detail }).bytes },
    ],
  };
}

/**
 * The votes with every part closed, and why. `lost`: as in {@link Quarantine}. Those that were
 * closed already are closed anew, by the batch that is to be written: what was answered, or asked
 * for, before it opens nothing, for a copy, or an older state, of this store may have signed since.
 */
export function closedFor(votes: StoredVotes, why: string, lost = false): StoredVotes {
  const closed = withQuarantine(votes, { parts: VOTE_PARTS, why, when: new Date().toISOString(), lost });
  const { seq: _, answers: _answers, ...quarantine } = closed.quarantine as StoredQuarantine;
  return { ...closed, quarantine };
}

/** The votes of a copy by hard links with every part closed; the same object if each is closed. */
export function closedAsCopy(votes: StoredVotes): StoredVotes {
  const why = 'it is a copy by hard links: the store that it was copied from may have signed since';
  return withQuarantine(votes, { parts: VOTE_PARTS, why, when: new Date().toISOString() });
}

/**
 * The votes of a store that was found: closed if its witness proves nothing, for that cannot tell a
 * sound store from an older copy, which may have signed since. Before the first batch it need not.
 */
export function closedUnlessProven(
  votes: StoredVotes,
  tip: Tip,
  { provenSeq }: Pick<WitnessVerdict, 'provenSeq'>,
): StoredVotes {
  if (provenSeq !== undefined || tip.seq === 0n) return votes;
  return closedFor(votes, 'the witness proved nothing when the store was opened');
}
