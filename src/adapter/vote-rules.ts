/**
 * The vote rules: what a key may sign, given everything that it has signed. docs/signing-safety.md
 * lists them.
 *
 * Pure functions of positions and digests: no model, no bytes on disk, no clock, no backend. As in
 * the planner, a plan is only a proposal. {@link changedVotes} makes the state that the next vote
 * is judged against.
 */
import { LanestoreError } from '../errors.js';
import type { LaneId } from '../keys/index.js';
import type { LogPlace, Position, VotePart } from '../model/model.js';
import type { Cursor, PeerAnswer, Quarantine, SeenPlace, VoteLogState, VoteState, Watermark } from './persistence.js';
import type { WitnessSet } from './witness-set.js';

/** A vote as the rules see it. */
export interface PlacedVote extends LogPlace {
  /** The part that its log belongs to. */
  readonly part: VotePart;
  /** The 32 bytes that the key signs. */
  readonly digest: Uint8Array;
}

/**
 * The verdict on a vote. Accepted: `new`, and `again`, which is the vote that is the watermark of
 * its log. All others are refusals.
 */
export type VoteVerdict = 'new' | 'again' | VoteRefusal;

/** Why a vote is refused. `early`: the CommitQC that it needs is not stored. */
export type VoteRefusal = 'quarantined' | 'early' | 'floor' | 'differs' | 'passed' | 'excluded';

/** The changes that an accepted call makes to the votes. An absent field is not changed. */
export interface VoteChange {
  /** The new watermark of each log that moves. */
  readonly watermarks?: ReadonlyMap<string, Watermark>;
  /** The key to bind. */
  readonly signer?: Uint8Array;
  /** The parts to close. */
  readonly quarantine?: Quarantine;
  /** With a quarantine: the place in which another signer has used the key. */
  readonly seen?: SeenPlace | undefined;
  /** A validator's public key in hex, and its answer. Dropped if the state has no quarantine. */
  readonly answer?: readonly [validator: string, answer: PeerAnswer];
  /** The sinks that witness votes; null removes them. */
  readonly sinks?: WitnessSet | null;
}

/** A state with everything that a backend may keep in it. */
export interface KeptVotes extends VoteState {
  readonly home?: readonly [bigint, bigint] | undefined;
}

/** The state of a store without votes, which no key is bound to. */
export const NO_VOTES: VoteState = {
  signer: undefined,
  logs: new Map(),
  laneFloors: new Map(),
  quarantine: undefined,
};

const NO_CURSOR: Cursor = { first: 0n, next: 0n };
const NO_LOG: VoteLogState = { watermark: undefined, floor: undefined };

/**
 * Negative, 0 or positive, as `a` is below, at or above `b`.
 * @throws RangeError for positions of different logs: any answer could let a vote through.
 */
export function comparePositions(a: Position, b: Position): number {
  if (a.length !== b.length || a.length === 0) {
    throw new RangeError(`positions of ${a.length} and ${b.length} numbers have no order`);
  }
  for (let i = 0; i < a.length; i++) {
    const number = a[i] as bigint;
    const compared = b[i] as bigint;
    if (number !== compared) return number < compared ? -1 : 1;
  }
  return 0;
}

/** True if nothing of `part` may be signed: no key is bound, or a quarantine closes it. */
export function isClosed({ signer, quarantine }: VoteState, part: VotePart): boolean {
  return signer === undefined || quarantine?.parts.includes(part) === true;
}

/**
 * Judges one vote. The rules apply in their order.
 * @param nextCommitQC the road index of the next CommitQC of the planned QC log
 */
export function judge(state: VoteState, vote: PlacedVote, nextCommitQC: bigint): VoteVerdict {
  if (isClosed(state, vote.part)) return 'quarantined';
  if (nextCommitQC < vote.needs) return 'early';
  const { watermark, floor } = state.logs.get(vote.log) ?? NO_LOG;
  if (floor !== undefined && comparePositions(vote.at, floor) <= 0) return 'floor';
  if (watermark !== undefined) {
    const order = comparePositions(vote.at, watermark.at);
    if (order === 0) return Buffer.compare(vote.digest, watermark.digest) === 0 ? 'again' : 'differs';
    if (order < 0) return 'passed';
  }
  for (const [log, at] of vote.before) if (reaches(state.logs.get(log), at)) return 'excluded';
  return 'new';
}

/**
 * Plans the votes of one round, each against those before it.
 * @throws LANESTORE_QUARANTINED, LANESTORE_OUT_OF_SEQUENCE, LANESTORE_CONFLICT for the first
 * refused vote. Nothing of the round may then be stored.
 */
export function planVotes(
  state: VoteState,
  votes: readonly PlacedVote[],
  nextCommitQC: bigint,
): ReadonlyMap<string, Watermark> {
  const watermarks = new Map<string, Watermark>();
  for (const vote of votes) {
    const now = watermarks.size === 0 ? state : changedVotes(state, { watermarks });
    const verdict = judge(now, vote, nextCommitQC);
    if (verdict === 'new') watermarks.set(vote.log, { at: vote.at, digest: vote.digest });
    else if (verdict !== 'again') throw refusalError(now, vote, verdict, nextCommitQC);
  }
  return watermarks;
}

/** True if the change is empty: the state stays the same. */
export function isUnchanged(change: VoteChange): boolean {
  if (change.watermarks !== undefined && change.watermarks.size > 0) return false;
  // Not the fields by name: a new one must not be forgotten here.
  for (const field in change) {
    if (field !== 'watermarks' && change[field as keyof VoteChange] !== undefined) return false;
  }
  return true;
}

/** The last result of {@link changedVotes}. */
let last: { readonly state: KeptVotes; readonly change: VoteChange; readonly after: KeptVotes } | undefined;

/**
 * The state after an accepted call. A batch nearly always makes the change that was planned last,
 * of the same state: the result is then the same object.
 */
export function changedVotes<State extends KeptVotes>(state: State, change: VoteChange): State {
  if (last?.state === state && last.change === change) return last.after as State;
  if (isUnchanged(change)) return state;
  const { watermarks, signer, quarantine, seen, answer, sinks } = change;
  // Every field by its name: a vote waits for this, and a spread takes 3 microseconds after a wait.
  const next: { readonly [Field in keyof Required<KeptVotes>]: KeptVotes[Field] } = {
    signer: signer ?? state.signer,
    logs: watermarks === undefined ? state.logs : withWatermarks(state.logs, watermarks),
    laneFloors: state.laneFloors,
    quarantine: state.quarantine,
    home: state.home,
    sinks: sinks === undefined ? state.sinks : (sinks ?? undefined),
    heirOf: state.heirOf,
  };
  const closed = quarantine === undefined ? next : closedVotes(next, quarantine, seen);
  const after = answer === undefined ? closed : withAnswer(closed, ...answer);
  last = { state, change, after };
  return after as VoteState as State;
}

/** Upper bound of validators whose answers a store keeps. */
const ANSWERS_MAX = 1024;

/** True if the answer would be kept, and changes the state. */
export function isNews({ quarantine }: VoteState, validator: string, { own }: PeerAnswer): boolean {
  if (quarantine === undefined) return false;
  const { answers } = quarantine;
  const before = answers?.get(validator);
  if (before === undefined) return (answers?.size ?? 0) < ANSWERS_MAX;
  return own !== undefined && (before.own === undefined || own > before.own);
}

/**
 * The state with an answer. The first `next` is kept, because a later one would only raise the
 * bound. The highest `own` is kept, because a message of the key may have arrived later.
 */
function withAnswer<State extends VoteState>(state: State, validator: string, answer: PeerAnswer): State {
  const { quarantine } = state;
  if (quarantine === undefined || !isNews(state, validator, answer)) return state;
  const before = quarantine.answers?.get(validator);
  const { next } = before ?? answer;
  const { own } = answer;
  const answers = new Map(quarantine.answers ?? []).set(validator, own === undefined ? { next } : { next, own });
  return { ...state, quarantine: { ...quarantine, answers } };
}

function withWatermarks(
  before: VoteState['logs'],
  watermarks: ReadonlyMap<string, Watermark>,
): ReadonlyMap<string, VoteLogState> {
  const logs = new Map<string, VoteLogState>();
  before.forEach((held, log) => {
    const watermark = watermarks.get(log);
    logs.set(log, watermark === undefined ? held : { watermark, floor: held.floor });
  });
  watermarks.forEach((watermark, log) => {
    if (!before.has(log)) logs.set(log, { watermark, floor: undefined });
  });
  // Sorted here, once for each log, and not for each batch that stores them.
  return logs.size === before.size ? logs : new Map([...logs].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * The state with parts closed. Closed parts stay closed, the first reason stays first, and `lost`
 * stays set.
 */
export function withQuarantine<State extends VoteState>(
  state: State,
  { parts, why, when, lost: isLost = false }: Quarantine,
): State {
  const before: (Partial<Quarantine> & Pick<Quarantine, 'parts' | 'why' | 'when'>) | undefined = state.quarantine;
  const added = parts.filter((part) => before?.parts.includes(part) !== true);
  const lost = isLost || before?.lost === true;
  if (added.length === 0 && lost === (before?.lost === true)) return state;
  const reason = before === undefined ? why : `${before.why}; ${why}`;
  const closed = [...new Set([...(before?.parts ?? []), ...added])];
  // Other fields of the backend are kept. `seq` is not, because the next batch closes the part.
  // `answers` are not, because the key may have signed after they came.
  const { seq: _, answers: _answers, ...kept } = before ?? {};
  const quarantine = {
    ...kept,
    parts: closed,
    why: reason.slice(0, REASON_MAX),
    when: before?.when ?? when,
    ...(lost ? { lost } : {}),
  };
  return { ...state, quarantine };
}

/**
 * The state with parts closed. `seen` becomes a floor, so that no release allows a vote in that
 * place. The same object if nothing changes.
 */
export function closedVotes<State extends VoteState>(state: State, quarantine: Quarantine, seen?: SeenPlace): State {
  const closed = withQuarantine(state, quarantine);
  if (seen === undefined) return closed;
  if ('lane' in seen) {
    const { lane, number } = seen;
    const before = closed.laneFloors.get(lane);
    const isKept = before !== undefined ? before >= number : closed.laneFloors.size >= LANE_FLOORS_MAX;
    return isKept ? closed : { ...closed, laneFloors: new Map(closed.laneFloors).set(lane, number) };
  }
  const { watermark, floor } = closed.logs.get(seen.log) ?? NO_LOG;
  if (floor !== undefined && comparePositions(floor, seen.at) >= 0) return closed;
  return { ...closed, logs: new Map(closed.logs).set(seen.log, { watermark, floor: [...seen.at] }) };
}

/**
 * The state with floors for lanes that are dropped: their last numbers. A floor never falls. Floors
 * below the first block of a held lane are removed: nothing is signed there.
 */
export function withLaneFloors<State extends VoteState>(
  state: State,
  dropped: readonly LaneId[],
  lanes: ReadonlyMap<LaneId, Cursor>,
): State {
  const laneFloors = new Map<LaneId, bigint>();
  for (const [lane, floor] of state.laneFloors) {
    if ((lanes.get(lane)?.first ?? 0n) <= floor) laneFloors.set(lane, floor);
  }
  let isChanged = laneFloors.size !== state.laneFloors.size;
  for (const lane of dropped) {
    const { next } = lanes.get(lane) ?? NO_CURSOR;
    const before = laneFloors.get(lane);
    if (next === 0n || (before !== undefined && before >= next - 1n)) continue;
    laneFloors.set(lane, next - 1n);
    isChanged = true;
  }
  if (!isChanged) return state;
  return { ...state, laneFloors };
}

/**
 * Refuses a drop of lanes that would leave too many floors. @throws LANESTORE_CAPACITY beyond
 * {@link LANE_FLOORS_MAX}.
 */
export function checkLaneFloors({ laneFloors }: VoteState): void {
  if (laneFloors.size <= LANE_FLOORS_MAX) return;
  throw new LanestoreError(
    'LANESTORE_CAPACITY',
    `dropLanes: the store would keep floors of more than ${LANE_FLOORS_MAX} dropped lanes`,
    {
      remedy: 'nothing was dropped; a model whose lanes never come back under the same id says so (lanesRecur: false)',
    },
  );
}

/** Upper bound in characters of a reason; the rest is cut. */
const REASON_MAX = 1024;

/** Upper bound of dropped lanes whose floors a store keeps; each takes about 80 bytes. */
export const LANE_FLOORS_MAX = 10_000;

/** The error that refuses a vote. */
export function refusalError(
  state: VoteState,
  vote: PlacedVote,
  refusal: VoteRefusal,
  nextCommitQC: bigint,
): LanestoreError {
  const name = `the vote at ${positionText(vote.at)} of log ${vote.log}`;
  if (refusal === 'quarantined') return closedError(state, vote.part, name);
  if (refusal === 'early') {
    return new LanestoreError(
      'LANESTORE_OUT_OF_SEQUENCE',
      `${name} needs CommitQC ${vote.needs - 1n}: the QC log expects ${nextCommitQC}`,
      { remedy: 'store that CommitQC first; nothing of the round was stored' },
    );
  }
  const detail = `${name} ${reasonOf(state, vote, refusal)}`;
  return new LanestoreError('LANESTORE_CONFLICT', detail, { findings: [{ kind: refusal, log: vote.log, detail }] });
}

/** LANESTORE_QUARANTINED, for `name` of a closed part. */
export function closedError({ signer, quarantine }: VoteState, part: VotePart, name: string): LanestoreError {
  if (signer === undefined) {
    return new LanestoreError('LANESTORE_QUARANTINED', `${name}: no key was ever bound to this store`, {
      remedy:
        'a key that never signed anywhere: open the guard with firstUse: true; any other key: bring its signing state, see docs/signing-safety.md',
    });
  }
  return new LanestoreError('LANESTORE_QUARANTINED', `${name}: the part ${part} is closed: ${quarantine?.why}`);
}

function reasonOf({ logs }: VoteState, vote: PlacedVote, refusal: 'floor' | 'differs' | 'passed' | 'excluded'): string {
  const { watermark, floor } = logs.get(vote.log) ?? NO_LOG;
  switch (refusal) {
    case 'floor':
      return `is at or below the floor ${positionText(floor)}`;
    case 'differs':
      return 'is another one than the key has signed there';
    case 'passed':
      return `is below the last one, at ${positionText(watermark?.at)}`;
    case 'excluded': {
      const [log, at] = vote.before.find(([named, position]) => reaches(logs.get(named), position)) ?? [];
      return `must come before ${positionText(at)} of log ${log}, which was reached`;
    }
  }
}

/** True if a log has a watermark or a floor at or above `at`. */
function reaches({ watermark, floor }: VoteLogState = NO_LOG, at: Position): boolean {
  if (watermark !== undefined && comparePositions(watermark.at, at) >= 0) return true;
  return floor !== undefined && comparePositions(floor, at) >= 0;
}

function positionText(position: Position | undefined): string {
  return `(${position?.join(', ') ?? ''})`;
}
