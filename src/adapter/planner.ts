/**
 * The planner: what a round does to the cursors, or why it is refused (design.md section 3, rules 1 to 4).
 *
 * Pure: it takes cursors and a round and gives a plan; no I/O, no clock, no backend in sight. Every backend executes
 * the same plans, so that they all accept and refuse the same rounds. A plan is nothing but a proposal until
 * {@link advance} makes it the state that the next round is planned against; the caller does that once the round was
 * encoded (rule 6).
 */
import { iterable, settled } from '../base/options.js';
import { LanestoreError } from '../errors.js';
import { ENTRY_NUMBER_MAX, entryNumber, isU64, type LaneId, laneId, maxU64, minU64, u64 } from '../keys/index.js';
import type { Model } from '../model/model.js';
import { checkRound } from './arguments.js';
import type { Cursor, Round } from './persistence.js';

/** What the planner remembers of the stored anchor: its index, and where it has each lane begin. */
export interface AnchorPoint {
  readonly index: bigint;
  readonly laneStarts: ReadonlyMap<LaneId, bigint>;
}

/** What rounds are planned against. A lane that never held anything is absent. */
export interface PlanState {
  readonly lanes: Map<LaneId, Cursor>;
  commitQCs: Cursor;
  anchor: AnchorPoint | undefined;
}

/** What a plan does to one lane or to the QC log: remove `truncate` first, then append. */
export interface LogPlan<Entry> {
  /** The cursor before; absent for a lane that never held anything. */
  readonly before: Cursor | undefined;
  /** What goes, all of it held now: empty when `first` equals `next`. */
  readonly truncate: Cursor;
  /** What comes, contiguous, the last one at `after.next - 1`. */
  readonly append: readonly Entry[];
  readonly after: Cursor;
}

/** An anchor to store. */
export interface AnchorPlan<Anchor> {
  readonly entry: Anchor;
  readonly point: AnchorPoint;
}

/** What an accepted round does. Logs that it leaves as they are do not appear. */
export interface Plan<Block, CommitQC, Anchor> {
  readonly anchor: AnchorPlan<Anchor> | undefined;
  readonly inner: Uint8Array | undefined;
  readonly commitQCs: LogPlan<CommitQC> | undefined;
  readonly lanes: ReadonlyMap<LaneId, LogPlan<Block>>;
  /** What the hooks fire for, in this order: anchor, CommitQCs, blocks; ignored entries included. */
  readonly notify: {
    readonly anchor: Anchor | undefined;
    readonly commitQCs: readonly CommitQC[];
    readonly blocks: readonly Block[];
  };
}

/** The state of a store that holds nothing. */
export function emptyState(): PlanState {
  return { lanes: new Map(), commitQCs: { first: 0n, next: 0n }, anchor: undefined };
}

/** True if there is nothing in the plan to store. */
export function isNoop(plan: Plan<unknown, unknown, unknown>): boolean {
  return plan.anchor === undefined && plan.inner === undefined && plan.commitQCs === undefined && plan.lanes.size === 0;
}

/** Makes `plan`, which was planned against `state`, the state that the next round is planned against. */
export function advance(state: PlanState, plan: Plan<unknown, unknown, unknown>): void {
  if (plan.anchor !== undefined) state.anchor = plan.anchor.point;
  if (plan.commitQCs !== undefined) state.commitQCs = plan.commitQCs.after;
  for (const [lane, { after }] of plan.lanes) state.lanes.set(lane, after);
}

/**
 * What is done to each entry of a call before anything else is read of it: at least the model's `check`. A backend may encode it in
 * the same pass; what it encoded is worth nothing until the call was planned to its end.
 */
export interface Intake<Block, CommitQC, Anchor> {
  /** @throws what the model's check throws. */
  block(entry: Block): void;
  /** @throws as {@link block}. */
  commitQC(entry: CommitQC): void;
  /** @throws as {@link block}. */
  anchor(entry: Anchor): void;
}

/** The intake that only checks. */
export function checksOf<B, Q, A>(model: Model<B, Q, A>): Intake<B, Q, A> {
  return {
    block: (entry) => model.block.check(entry),
    commitQC: (entry) => model.commitQC.check(entry),
    anchor: (entry) => model.anchor.check(entry),
  };
}

/**
 * Plans a whole round.
 * @param entriesMax blocks and CommitQCs that it may have; an iterable is read no further
 * @throws LANESTORE_OUT_OF_SEQUENCE, LANESTORE_INVALID; TypeError for what is no round, or has parts that no round has. Then nothing of the
 * round may be stored.
 */
export function planRound<B, Q, A>(
  model: Model<B, Q, A>,
  state: Readonly<PlanState>,
  round: Round<B, Q, A>,
  intake: Intake<B, Q, A> = checksOf(model),
  entriesMax = Number.POSITIVE_INFINITY,
): Plan<B, Q, A> {
  checkRound(round, 'round');
  const blocks = round.blocks === undefined ? [] : listOf(round.blocks, entriesMax);
  const commitQCs = round.commitQCs === undefined ? [] : listOf(round.commitQCs, entriesMax, blocks.length);
  if (round.anchor !== undefined) intake.anchor(round.anchor);
  const anchor = round.anchor === undefined ? undefined : planAnchor(model, state, round.anchor);
  const lanes = new LanePlanner(model, intake, state.lanes, anchor === undefined ? state.anchor : anchor.point);
  const log = new QCPlanner(model, intake, state.commitQCs);
  if (anchor !== undefined) {
    for (const lane of state.lanes.keys()) lanes.truncate(lane, anchor.point.laneStarts.get(lane) ?? 0n);
    log.truncateTo(model.anchor.commitQC(anchor.entry), anchor.point.index);
  }
  for (const qc of commitQCs) log.append(qc);
  for (const block of blocks) lanes.append(block);
  return {
    anchor,
    inner: round.inner,
    commitQCs: log.plan(),
    lanes: lanes.plans(),
    notify: { anchor: round.anchor, commitQCs, blocks },
  };
}

/**
 * Plans the truncation of one lane by a CommitQC, and blocks for that lane.
 * @throws LANESTORE_WRONG_LANE for a block of another lane; LANESTORE_OUT_OF_SEQUENCE, LANESTORE_INVALID.
 */
export function planLane<B, Q, A>(
  model: Model<B, Q, A>,
  state: Readonly<PlanState>,
  lane: LaneId,
  anchorQC: Q | undefined,
  blocks: Iterable<B>,
  intake: Intake<B, Q, A> = checksOf(model),
  entriesMax = Number.POSITIVE_INFINITY,
): Plan<B, Q, A> {
  laneId(lane);
  settled(anchorQC, 'anchorQC');
  iterable(blocks, 'blocks');
  const list = listOf(blocks, entriesMax);
  const lanes = new LanePlanner(model, intake, state.lanes, state.anchor);
  if (anchorQC !== undefined) {
    model.commitQC.check(anchorQC);
    lanes.truncate(lane, startsOf(model, state, anchorQC).get(lane) ?? 0n);
  }
  for (const block of list) lanes.append(block, lane);
  return { ...NOTHING, lanes: lanes.plans(), notify: { ...NOTHING.notify, blocks: list } };
}

/**
 * Plans the truncation of the QC log by a CommitQC, which is appended if it is the next one, and further CommitQCs.
 * @throws LANESTORE_OUT_OF_SEQUENCE, LANESTORE_INVALID.
 */
export function planCommitQCs<B, Q, A>(
  model: Model<B, Q, A>,
  state: Readonly<PlanState>,
  anchorQC: Q | undefined,
  commitQCs: readonly Q[],
  intake: Intake<B, Q, A> = checksOf(model),
  entriesMax = Number.POSITIVE_INFINITY,
): Plan<B, Q, A> {
  settled(anchorQC, 'anchorQC');
  iterable(commitQCs, 'commitQCs');
  const log = new QCPlanner(model, intake, state.commitQCs);
  const list = listOf(commitQCs, entriesMax);
  if (anchorQC !== undefined) {
    model.commitQC.check(anchorQC);
    log.truncateTo(anchorQC, entryNumber(model.commitQC.index(anchorQC), 'road index of the anchor'));
  }
  for (const qc of list) log.append(qc);
  return { ...NOTHING, commitQCs: log.plan(), notify: { ...NOTHING.notify, commitQCs: list } };
}

/** The entries of a call. What is beyond the bound is not read: an iterable may be endless. @throws LANESTORE_INVALID. */
export function listOf<T>(entries: Iterable<T>, max: number, before = 0): T[] {
  if (Array.isArray(entries)) {
    if (before + entries.length > max) throw tooMany(max);
    return [...entries];
  }
  const list: T[] = [];
  for (const entry of entries) {
    if (before + list.length >= max) throw tooMany(max);
    list.push(entry);
  }
  return list;
}

function tooMany(max: number): LanestoreError {
  const what = 'the call has more blocks and CommitQCs than';
  return new LanestoreError('LANESTORE_INVALID', `${what} maxRoundEntries = ${max}; split it`);
}

/**
 * What a stored anchor means for later rounds; backends call it at open. `state` spares lanes that it knows another check.
 * @throws LANESTORE_INVALID as `planRound`.
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

const NOTHING = {
  anchor: undefined,
  inner: undefined,
  commitQCs: undefined,
  lanes: new Map(),
  notify: { anchor: undefined, commitQCs: [], blocks: [] },
} as const;

/** Rule 4: an anchor below the stored one changes nothing. An equal one applies again, and is stored again. */
function planAnchor<B, Q, A>(model: Model<B, Q, A>, state: Readonly<PlanState>, entry: A): AnchorPlan<A> | undefined {
  const point = anchorPoint(model, entry, state);
  return state.anchor !== undefined && point.index < state.anchor.index ? undefined : { entry, point };
}

function startsOf<B, Q, A>(
  model: Model<B, Q, A>,
  { lanes }: Readonly<Pick<PlanState, 'lanes'>>,
  qc: Q,
): Map<LaneId, bigint> {
  const starts = new Map<LaneId, bigint>();
  for (const [lane, start] of model.commitQC.laneStarts(qc)) {
    if (!lanes.has(lane)) laneId(lane);
    starts.set(lane, isU64(start) ? start : u64(start, `first block of lane ${lane}`));
  }
  return starts;
}

/** A {@link LogPlan} while it is made; its `after` moves along. */
interface Draft<Entry> extends LogPlan<Entry> {
  truncate: Cursor;
  readonly append: Entry[];
  readonly after: { first: bigint; next: bigint };
}

function draftOf<Entry>(before: Cursor): Draft<Entry> {
  const { first, next } = before;
  return { before, truncate: { first, next: first }, append: [], after: { first, next } };
}

/** Rule 3: what is below `start` goes; a log that ends before it is empty there. Rule 4: nothing goes back. */
function truncateDraft(draft: Draft<unknown>, start: bigint): void {
  const { after } = draft;
  const { first, next } = after;
  if (start <= first) return;
  draft.truncate = { first, next: minU64(start, next) };
  after.first = start;
  after.next = maxU64(start, next);
}

/** Plans the lanes that a round touches. */
class LanePlanner<B, Q, A> {
  readonly #model: Model<B, Q, A>;
  readonly #intake: Intake<B, Q, A>;
  readonly #cursors: ReadonlyMap<LaneId, Cursor>;
  readonly #anchor: AnchorPoint | undefined;
  readonly #drafts = new Map<LaneId, Draft<B>>();
  /** Where a lane without a cursor must begin because this very call truncates it there. */
  readonly #baselines = new Map<LaneId, bigint>();
  /** The last block's: the blocks of a lane nearly always come together. */
  #lane: LaneId | undefined;
  #draft: Draft<B> | undefined;

  constructor(
    model: Model<B, Q, A>,
    intake: Intake<B, Q, A>,
    cursors: ReadonlyMap<LaneId, Cursor>,
    anchor: AnchorPoint | undefined,
  ) {
    this.#model = model;
    this.#intake = intake;
    this.#cursors = cursors;
    this.#anchor = anchor;
  }

  /** Called at most once a lane, before anything is appended to it. */
  truncate(lane: LaneId, start: bigint): void {
    const cursor = this.#cursors.get(lane);
    if (cursor === undefined) {
      this.#baselines.set(lane, start);
    } else if (start > cursor.first) {
      const draft = draftOf<B>(cursor);
      truncateDraft(draft, start);
      this.#drafts.set(lane, draft);
    }
  }

  append(block: B, only?: LaneId): void {
    this.#intake.block(block);
    const lane = this.#model.block.lane(block);
    const number = this.#model.block.number(block);
    let draft = lane === this.#lane ? this.#draft : this.#drafts.get(lane);
    // The common case first; every reason to refuse is in #begin.
    if (
      draft === undefined ||
      number !== draft.after.next ||
      number > ENTRY_NUMBER_MAX ||
      (only !== undefined && lane !== only)
    ) {
      draft = this.#begin(lane, number, only);
    }
    this.#lane = lane;
    this.#draft = draft;
    push(draft, block);
  }

  /** The draft that a block can be appended to, made if it is the first one of its lane; or why there is none. */
  #begin(lane: LaneId, number: bigint, only: LaneId | undefined): Draft<B> {
    const cursor = this.#cursors.get(lane);
    if (cursor === undefined) laneId(lane);
    entryNumber(number, `block number in lane ${lane}`);
    if (only !== undefined && lane !== only) {
      throw new LanestoreError('LANESTORE_WRONG_LANE', `block ${number} is of lane ${lane}, not of lane ${only}`);
    }
    let draft = this.#drafts.get(lane);
    if (draft === undefined) {
      draft = cursor === undefined ? this.#newLane(lane, number) : draftOf<B>(cursor);
      this.#drafts.set(lane, draft);
    }
    if (number !== draft.after.next) throw outOfSequence(lane, number, draft.after.next);
    return draft;
  }

  /** Rule 1: a lane that never held anything begins where the anchor has it begin; else at any number. */
  #newLane(lane: LaneId, number: bigint): Draft<B> {
    const start = maxU64(this.#anchor?.laneStarts.get(lane) ?? 0n, this.#baselines.get(lane) ?? 0n);
    if (start > 0n && number !== start) throw outOfSequence(lane, number, start);
    const empty = { first: number, next: number };
    return { before: undefined, truncate: empty, append: [], after: { ...empty } };
  }

  /** A lane has a draft only if something is truncated or appended. */
  plans(): ReadonlyMap<LaneId, LogPlan<B>> {
    return this.#drafts;
  }
}

function push<Entry>({ append, after }: Draft<Entry>, entry: Entry): void {
  append.push(entry);
  after.next += 1n;
}

function outOfSequence(lane: LaneId, number: bigint, expected: bigint): LanestoreError {
  const what = number < expected ? 'is stored already, or was truncated' : 'leaves a gap';
  const allowed = expected > ENTRY_NUMBER_MAX ? 'no block: the lane is full' : `block ${expected}`;
  return new LanestoreError(
    'LANESTORE_OUT_OF_SEQUENCE',
    `block ${number} of lane ${lane} ${what}: the lane expects ${allowed}`,
  );
}

/** Plans the QC log. */
class QCPlanner<B, Q, A> {
  readonly #model: Model<B, Q, A>;
  readonly #intake: Intake<B, Q, A>;
  readonly #cursor: Cursor;
  readonly #draft: Draft<Q>;

  constructor(model: Model<B, Q, A>, intake: Intake<B, Q, A>, cursor: Cursor) {
    this.#model = model;
    this.#intake = intake;
    this.#cursor = cursor;
    this.#draft = draftOf(cursor);
  }

  /** Called at most once, before anything is appended, with a CommitQC that was checked. */
  truncateTo(qc: Q, index: bigint): void {
    truncateDraft(this.#draft, index);
    if (index === this.#draft.after.next) push(this.#draft, qc);
  }

  append(qc: Q): void {
    this.#intake.commitQC(qc);
    const index = entryNumber(this.#model.commitQC.index(qc), 'road index');
    const { next } = this.#draft.after;
    if (index > next) {
      throw new LanestoreError(
        'LANESTORE_OUT_OF_SEQUENCE',
        `CommitQC ${index} leaves a gap: the QC log expects ${next}`,
      );
    }
    if (index === next) push(this.#draft, qc);
  }

  /** Undefined if the log stays as it is. */
  plan(): LogPlan<Q> | undefined {
    const { first, next } = this.#cursor;
    const { after } = this.#draft;
    return after.first === first && after.next === next ? undefined : this.#draft;
  }
}
