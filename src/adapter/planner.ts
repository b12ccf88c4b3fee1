/**
 * The planner computes how a round changes the cursors, or why the round is refused. Its rules are
 * listed in docs/architecture.md, "Rules of the planner".
 *
 * Pure, over numbers only: no model, no bytes, no clock, no backend. Every backend executes the
 * same plans, so all of them accept and refuse the same rounds. A plan has no effect until {@link
 * advance} applies it to the state that the next round is planned against.
 */
import { LanestoreError } from '../errors.js';
import {
  ENTRY_NUMBER_MAX,
  entryNumber,
  type LaneId,
  type LogName,
  laneId,
  maxU64,
  minU64,
  QC_LOG,
} from '../keys/index.js';
import type { Cursor, VoteState } from './persistence.js';
import { changedVotes, type VoteChange } from './vote-rules.js';

/**
 * The planner's view of a stored anchor: its road index, and the first block that each lane keeps.
 */
export interface AnchorPoint {
  readonly index: bigint;
  /** An absent lane counts as 0 and is not truncated. */
  readonly laneStarts: ReadonlyMap<LaneId, bigint>;
}

/** The state that rounds are planned against. A lane that never held anything is absent. */
export interface PlanState {
  readonly lanes: Map<LaneId, Cursor>;
  commitQCs: Cursor;
  anchor: AnchorPoint | undefined;
  /** Absent where a backend keeps no votes: rounds with votes are refused. */
  votes?: VoteState | undefined;
}

/**
 * The change of one log: first remove `truncate`, then append. `Entry` is the caller's form of an
 * entry.
 */
export interface LogPlan<Entry> {
  readonly log: LogName;
  /** The cursor before the plan; absent for a lane that never held anything. */
  readonly before: Cursor | undefined;
  /** The numbers to remove, all of them held now: empty when `first` equals `next`. */
  readonly truncate: Cursor;
  /** The entries to append, contiguous; the last one is number `after.next - 1`. */
  readonly append: readonly Entry[];
  readonly after: Cursor;
}

/** The changes of an accepted call to cursors and logs. Unchanged logs are absent. */
export interface LogPlans<BlockEntry, QCEntry> {
  readonly commitQCs: LogPlan<QCEntry> | undefined;
  readonly lanes: ReadonlyMap<LaneId, LogPlan<BlockEntry>>;
  /** The number of lanes that get a cursor. */
  readonly newLanes: number;
}

/** The state of a store that holds nothing. */
export function emptyState(): PlanState {
  return { lanes: new Map(), commitQCs: { first: 0n, next: 0n }, anchor: undefined };
}

/**
 * Applies `plan` to `state`, against which it was planned. The next call is planned against the
 * result.
 */
export function advance(
  state: PlanState,
  plan: LogPlans<unknown, unknown> & {
    readonly anchor: { readonly point: AnchorPoint } | undefined;
    readonly votes?: VoteChange | undefined;
  },
): void {
  if (plan.anchor !== undefined) state.anchor = plan.anchor.point;
  if (plan.commitQCs !== undefined) state.commitQCs = plan.commitQCs.after;
  for (const [lane, { after }] of plan.lanes) state.lanes.set(lane, after);
  if (plan.votes !== undefined && state.votes !== undefined) state.votes = changedVotes(state.votes, plan.votes);
}

/** A {@link LogPlan} under construction; `after` is kept up to date. */
interface Draft<Entry> extends LogPlan<Entry> {
  truncate: Cursor;
  readonly append: Entry[];
  readonly after: { first: bigint; next: bigint };
}

/**
 * Plans one call, part by part in the order of the port: truncations, then CommitQCs, then blocks.
 * When a method throws, the whole call is refused and the planner is of no further use.
 */
export class RoundPlanner<BlockEntry, QCEntry> {
  readonly #state: Readonly<PlanState>;
  /** The anchor at which new lanes begin: this call's, or the stored one. */
  #anchor: AnchorPoint | undefined;
  readonly #commitQCs: Draft<QCEntry>;
  readonly #lanes = new Map<LaneId, Draft<BlockEntry>>();
  /** The first blocks of lanes without a cursor that this call truncates. */
  #baselines: Map<LaneId, bigint> | undefined;
  /** Cached from the previous block: consecutive blocks are nearly always of the same lane. */
  #lane: LaneId | undefined;
  #draft: Draft<BlockEntry> | undefined;
  #newLanes = 0;

  constructor(state: Readonly<PlanState>) {
    this.#state = state;
    this.#anchor = state.anchor;
    this.#commitQCs = draftOf(QC_LOG, state.commitQCs);
  }

  /**
   * Truncates all logs to an anchor, which will be stored (rules 3 and 4). Returns false and
   * changes nothing if it is older than the stored anchor. An equal anchor is applied and stored
   * again.
   */
  storeAnchor(point: AnchorPoint): boolean {
    const { anchor, lanes } = this.#state;
    if (anchor !== undefined && point.index < anchor.index) return false;
    this.#anchor = point;
    point.laneStarts.forEach((start, lane) => {
      if (lanes.has(lane)) this.truncateLane(lane, start);
    });
    truncate(this.#commitQCs, point.index);
    return true;
  }

  /**
   * Truncates one lane, so that `start` is its oldest block (rule 3). Called at most once per lane,
   * before any append to it.
   */
  truncateLane(lane: LaneId, start: bigint): void {
    const cursor = this.#state.lanes.get(lane);
    if (cursor === undefined) {
      this.#baselines ??= new Map();
      this.#baselines.set(lane, start);
    } else if (start > cursor.first) {
      const draft = draftOf<BlockEntry>(lane, cursor);
      truncate(draft, start);
      this.#lanes.set(lane, draft);
    }
  }

  /**
   * Truncates the QC log, so that `index` is its oldest CommitQC (rule 3). Called at most once,
   * before any append to it.
   */
  truncateCommitQCs(index: bigint): void {
    truncate(this.#commitQCs, index);
  }

  /** The road index that the next CommitQC must have. */
  get nextCommitQC(): bigint {
    return this.#commitQCs.after.next;
  }

  /**
   * Appends a CommitQC, or ignores one that is stored already (rule 2).
   * @throws LANESTORE_OUT_OF_SEQUENCE if it leaves a gap; LANESTORE_INVALID above 2^64-2;
   * TypeError.
   */
  appendCommitQC(index: bigint, entry: QCEntry): void {
    entryNumber(index, 'road index');
    const { next } = this.#commitQCs.after;
    if (index > next) {
      throw new LanestoreError(
        'LANESTORE_OUT_OF_SEQUENCE',
        `CommitQC ${index} leaves a gap: the QC log expects ${next}`,
      );
    }
    if (index === next) push(this.#commitQCs, entry);
  }

  /**
   * Appends a block to its lane (rule 1). `only` is the lane that the caller named, if it named
   * one.
   * @throws LANESTORE_OUT_OF_SEQUENCE, LANESTORE_WRONG_LANE; LANESTORE_INVALID for a number above
   * 2^64-2 or an invalid lane id; TypeError.
   */
  appendBlock(lane: LaneId, number: bigint, entry: BlockEntry, only?: LaneId): void {
    let draft = lane === this.#lane ? this.#draft : this.#lanes.get(lane);
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
    push(draft, entry);
  }

  /** The finished plans. */
  plans(): LogPlans<BlockEntry, QCEntry> {
    const { first, next } = this.#state.commitQCs;
    const { after } = this.#commitQCs;
    const isUnchanged = after.first === first && after.next === next;
    return {
      commitQCs: isUnchanged ? undefined : this.#commitQCs,
      // A lane has a draft only if something is truncated or appended.
      lanes: this.#lanes,
      newLanes: this.#newLanes,
    };
  }

  /**
   * Returns the draft to which a block can be appended, and makes it for the first block of a lane.
   * @throws the reason why the block cannot be appended.
   */
  #begin(lane: LaneId, number: bigint, only: LaneId | undefined): Draft<BlockEntry> {
    const cursor = this.#state.lanes.get(lane);
    if (cursor === undefined) laneId(lane);
    entryNumber(number, `block number in lane ${lane}`);
    if (only !== undefined && lane !== only) {
      throw new LanestoreError('LANESTORE_WRONG_LANE', `block ${number} is of lane ${lane}, not of lane ${only}`);
    }
    let draft = this.#lanes.get(lane);
    if (draft === undefined) {
      draft = cursor === undefined ? this.#newLane(lane, number) : draftOf<BlockEntry>(lane, cursor);
      this.#lanes.set(lane, draft);
    }
    if (number !== draft.after.next) throw outOfSequence(lane, number, draft.after.next);
    return draft;
  }

  /**
   * Rule 1: a lane that never held anything begins at its first block in the anchor, or, if that is
   * 0 or absent, at any number.
   */
  #newLane(lane: LaneId, number: bigint): Draft<BlockEntry> {
    const start = maxU64(this.#anchor?.laneStarts.get(lane) ?? 0n, this.#baselines?.get(lane) ?? 0n);
    if (start > 0n && number !== start) throw outOfSequence(lane, number, start);
    this.#newLanes++;
    const empty = { first: number, next: number };
    return { log: lane, before: undefined, truncate: empty, append: [], after: { ...empty } };
  }
}

function draftOf<Entry>(log: LogName, before: Cursor): Draft<Entry> {
  const { first, next } = before;
  return { log, before, truncate: { first, next: first }, append: [], after: { first, next } };
}

/**
 * Rule 3: removes entries below `start`. A log that ends before `start` becomes empty at `start`.
 * Rule 4: cursors never decrease.
 */
function truncate(draft: Draft<unknown>, start: bigint): void {
  const { after } = draft;
  const { first, next } = after;
  if (start <= first) return;
  draft.truncate = { first, next: minU64(start, next) };
  after.first = start;
  after.next = maxU64(start, next);
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
