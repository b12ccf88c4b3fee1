/**
 * Converts a call of the port to its plan. Each entry is checked and encoded once, in the order of
 * the port, and then planned (planner.ts). A call is refused at its first entry that cannot be
 * encoded or is out of sequence; the encoded forms of earlier entries are discarded.
 */
import { settled } from '../base/options.js';
import { LanestoreError } from '../errors.js';
import { entryNumber, isU64, type LaneId, laneId, u64 } from '../keys/index.js';
import type { Model } from '../model/model.js';
import type { OwnRound } from './arguments.js';
import { LaneStarts } from './lane-starts.js';
import { type AnchorPoint, type LogPlans, type PlanState, RoundPlanner } from './planner.js';
import { planRoundVotes, type VoteToNotify } from './round-votes.js';
import { isUnchanged, type VoteChange } from './vote-rules.js';

/** The types of a backend's encoded entries. */
export interface Encoded {
  readonly block: unknown;
  readonly commitQC: unknown;
  readonly anchor: unknown;
  readonly inner: unknown;
}

/** Entries as they are: for a backend that does not encode them. */
export interface Unencoded<B, Q, A> extends Encoded {
  readonly block: B;
  readonly commitQC: Q;
  readonly anchor: A;
  readonly inner: Uint8Array;
}

/** Encodes entries for a backend. Each method first checks its entry with the model's check. */
export interface EntryEncoder<B, Q, A, E extends Encoded = Unencoded<B, Q, A>> {
  /** @throws what the model's check throws; LANESTORE_INVALID for an entry that is too large. */
  block(block: B): E['block'];
  /** @throws as {@link block}. */
  commitQC(qc: Q): E['commitQC'];
  /** @throws as {@link block}. */
  anchor(anchor: A): E['anchor'];
  /** @throws as {@link block}. */
  inner(inner: Uint8Array): E['inner'];
}

/** The changes of an accepted call. */
export interface Plan<B, Q, A, E extends Encoded = Unencoded<B, Q, A>> extends LogPlans<E['block'], E['commitQC']> {
  /** The anchor to store; absent without one, or if it is older than the stored one. */
  readonly anchor: { readonly entry: E['anchor']; readonly point: AnchorPoint } | undefined;
  readonly inner: E['inner'] | undefined;
  /** The change of the votes; absent if the call does not change them. */
  readonly votes?: VoteChange | undefined;
  /** The caller's own objects for which hooks fire, in this order; ignored entries included. */
  readonly notify: {
    readonly anchor: A | undefined;
    readonly commitQCs: readonly Q[];
    readonly blocks: readonly B[];
    readonly votes?: readonly VoteToNotify[] | undefined;
  };
}

/** The encoder that only checks. */
export function checkedEntries<B, Q, A>(model: Model<B, Q, A>): EntryEncoder<B, Q, A> {
  return {
    block(block) {
      model.block.check(block);
      return block;
    },
    commitQC(qc) {
      model.commitQC.check(qc);
      return qc;
    },
    anchor(anchor) {
      model.anchor.check(anchor);
      return anchor;
    },
    inner: (inner) => inner,
  };
}

/** True if the plan stores nothing. */
export function isNoop(
  plan: Pick<Plan<unknown, unknown, unknown, Encoded>, 'anchor' | 'inner' | 'commitQCs' | 'lanes' | 'votes'>,
): boolean {
  const { anchor, inner, commitQCs, lanes, votes } = plan;
  if (votes !== undefined && !isUnchanged(votes)) return false;
  return anchor === undefined && inner === undefined && commitQCs === undefined && lanes.size === 0;
}

/**
 * Plans a whole round.
 * @throws LANESTORE_OUT_OF_SEQUENCE, LANESTORE_INVALID, LANESTORE_CONFLICT, LANESTORE_QUARANTINED.
 * Then nothing of the round may be stored.
 */
export function planRound<B, Q, A, E extends Encoded>(
  model: Model<B, Q, A>,
  state: Readonly<PlanState>,
  round: OwnRound<B, Q, A>,
  encoder: EntryEncoder<B, Q, A, E>,
): Plan<B, Q, A, E> {
  const { blocks = [], commitQCs = [] } = round;
  const planner = new RoundPlanner<E['block'], E['commitQC']>(state);
  const anchor = round.anchor === undefined ? undefined : planAnchor(model, state, planner, round.anchor, encoder);
  for (const qc of commitQCs) appendCommitQC(model, planner, qc, encoder);
  for (const block of blocks) appendBlock(model, planner, block, encoder);
  const votes = round.votes === undefined ? undefined : planRoundVotes(model, state, round, round.votes);
  const inner = round.inner === undefined ? undefined : encoder.inner(round.inner);
  const plans = planner.plans();
  return {
    anchor,
    inner,
    votes: votes?.change,
    commitQCs: plans.commitQCs,
    lanes: plans.lanes,
    newLanes: plans.newLanes,
    notify: { anchor: round.anchor, commitQCs, blocks, votes: votes?.notify },
  };
}

/** Returns the first block that each lane keeps, by a CommitQC that it checks. */
export type StartsOf<Q> = (qc: Q) => ReadonlyMap<LaneId, bigint>;

/**
 * Checks CommitQCs and reads their lane starts, at most once per object in a turn of the event
 * loop: a node that persists each lane separately passes the same CommitQC with every lane. If the
 * caller changes the object meanwhile, the checked lane starts stay in use.
 */
export function startsOncePerTurn<B, Q, A>(model: Model<B, Q, A>, state: Readonly<PlanState>): StartsOf<Q> {
  let last: { readonly qc: Q; readonly starts: ReadonlyMap<LaneId, bigint> } | undefined;
  const forget = () => {
    last = undefined;
  };
  return (qc) => {
    if (last !== undefined && last.qc === qc) return last.starts;
    model.commitQC.check(qc);
    if (last === undefined) setImmediate(forget);
    last = { qc, starts: startsOf(model, state, qc) };
    return last.starts;
  };
}

/**
 * Plans the truncation of one lane by a CommitQC, and blocks for that lane.
 * @throws LANESTORE_WRONG_LANE for a block of another lane; LANESTORE_OUT_OF_SEQUENCE,
 * LANESTORE_INVALID.
 */
export function planLane<B, Q, A, E extends Encoded>(
  model: Model<B, Q, A>,
  state: Readonly<PlanState>,
  lane: LaneId,
  anchorQC: Q | undefined,
  blocks: readonly B[],
  encoder: EntryEncoder<B, Q, A, E>,
  starts: StartsOf<Q>,
): Plan<B, Q, A, E> {
  laneId(lane);
  settled(anchorQC, 'anchorQC');
  const planner = new RoundPlanner<E['block'], E['commitQC']>(state);
  if (anchorQC !== undefined) planner.truncateLane(lane, starts(anchorQC).get(lane) ?? 0n);
  for (const block of blocks) appendBlock(model, planner, block, encoder, lane);
  return { ...NOTHING, ...planner.plans(), notify: { ...NOTHING.notify, blocks } };
}

/**
 * Plans the truncation of the QC log by a CommitQC, which is appended if it is the next one, and
 * further CommitQCs.
 * @throws LANESTORE_OUT_OF_SEQUENCE, LANESTORE_INVALID.
 */
export function planCommitQCs<B, Q, A, E extends Encoded>(
  model: Model<B, Q, A>,
  state: Readonly<PlanState>,
  anchorQC: Q | undefined,
  commitQCs: readonly Q[],
  encoder: EntryEncoder<B, Q, A, E>,
): Plan<B, Q, A, E> {
  settled(anchorQC, 'anchorQC');
  const planner = new RoundPlanner<E['block'], E['commitQC']>(state);
  if (anchorQC !== undefined) {
    model.commitQC.check(anchorQC);
    const index = entryNumber(model.commitQC.index(anchorQC), 'road index of the anchor');
    planner.truncateCommitQCs(index);
    appendIfNext(planner, index, anchorQC, encoder);
  }
  for (const qc of commitQCs) appendCommitQC(model, planner, qc, encoder);
  return { ...NOTHING, ...planner.plans(), notify: { ...NOTHING.notify, commitQCs } };
}

/**
 * The {@link AnchorPoint} of a stored anchor; backends call it at open. Lanes in `state` are not
 * checked again.
 * @throws LANESTORE_INVALID as {@link planRound}.
 */
export function anchorPoint<B, Q, A>(
  model: Model<B, Q, A>,
  anchor: A,
  state: Pick<PlanState, 'lanes'> = NO_LANES,
): AnchorPoint {
  const index = entryNumber(model.anchor.index(anchor), 'road index of the anchor');
  const qc = model.anchor.commitQC(anchor);
  const qcIndex = u64(model.commitQC.index(qc), 'road index of the CommitQC of the anchor');
  if (qcIndex !== index) {
    throw new LanestoreError(
      'LANESTORE_INVALID',
      `anchor: its AppQC is for road index ${index}, its CommitQC for ${qcIndex}; they must be the same`,
    );
  }
  return { index, laneStarts: startsOf(model, state, qc) };
}

const NO_LANES: Pick<PlanState, 'lanes'> = { lanes: new Map() };

/** Plans a change of the votes other than giving a vote. */
export function planVoteChange<B, Q, A, E extends Encoded>(votes: VoteChange): Plan<B, Q, A, E> {
  return { ...NOTHING, commitQCs: undefined, lanes: new Map(), newLanes: 0, votes };
}

const NOTHING = {
  anchor: undefined,
  inner: undefined,
  notify: { anchor: undefined, commitQCs: [], blocks: [] },
} as const;

function planAnchor<B, Q, A, E extends Encoded>(
  model: Model<B, Q, A>,
  state: Readonly<PlanState>,
  planner: RoundPlanner<E['block'], E['commitQC']>,
  anchor: A,
  encoder: EntryEncoder<B, Q, A, E>,
): Plan<B, Q, A, E>['anchor'] {
  const entry = encoder.anchor(anchor);
  const point = anchorPoint(model, anchor, state);
  if (!planner.storeAnchor(point)) return undefined;
  appendIfNext(planner, point.index, model.anchor.commitQC(anchor), encoder);
  return { entry, point };
}

/**
 * Appends an anchor's own CommitQC, which was checked with the anchor, if it is the next one of the
 * log after the truncation.
 */
function appendIfNext<B, Q, A, E extends Encoded>(
  planner: RoundPlanner<E['block'], E['commitQC']>,
  index: bigint,
  qc: Q,
  encoder: EntryEncoder<B, Q, A, E>,
): void {
  if (index === planner.nextCommitQC) planner.appendCommitQC(index, encoder.commitQC(qc));
}

function appendCommitQC<B, Q, A, E extends Encoded>(
  model: Model<B, Q, A>,
  planner: RoundPlanner<E['block'], E['commitQC']>,
  qc: Q,
  encoder: EntryEncoder<B, Q, A, E>,
): void {
  const entry = encoder.commitQC(qc);
  planner.appendCommitQC(model.commitQC.index(qc), entry);
}

function appendBlock<B, Q, A, E extends Encoded>(
  model: Model<B, Q, A>,
  planner: RoundPlanner<E['block'], E['commitQC']>,
  block: B,
  encoder: EntryEncoder<B, Q, A, E>,
  only?: LaneId,
): void {
  const entry = encoder.block(block);
  planner.appendBlock(model.block.lane(block), model.block.number(block), entry, only);
}

function startsOf<B, Q, A>(model: Model<B, Q, A>, { lanes }: Readonly<Pick<PlanState, 'lanes'>>, qc: Q): LaneStarts {
  const starts = new LaneStarts();
  for (const [lane, start] of model.commitQC.laneStarts(qc)) {
    if (!lanes.has(lane)) laneId(lane);
    starts.add(lane, isU64(start) ? start : u64(start, `first block of lane ${lane}`));
  }
  return starts;
}
