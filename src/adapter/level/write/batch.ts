/**
 * Composes one LevelDB batch from accepted steps: the puts and deletes, and the tip that describes
 * the store after them.
 *
 * Pure. A builder starts from the tip of the last durable batch and takes steps in the order in
 * which they were accepted; the batch begins with its tip. So a real log record differs from a
 * forged one inside a block's bytes, which peers choose.
 */
import { LANE_FLOORS_KEY, type LaneId, maxU64, TIP_KEY, VOTES_KEY } from '../../../keys/index.js';
import type { Cursor } from '../../persistence.js';
import type { LogPlan } from '../../planner.js';
import { changedVotes, isUnchanged, withLaneFloors } from '../../vote-rules.js';
import { type LogName, logKeys, QC_LOG } from '../format/log.js';
import { type Delete, EntryDelete, type EntryPut, type Operation, type Put } from '../format/operation.js';
import type { EncodedRound, RelocateStep, SweepStep } from '../format/step.js';
import { type Extent, encodeTip, type Tip } from '../format/tip.js';
import { encodeLaneFloors, encodeVotes, type StoredVotes } from '../format/votes.js';
import type { Maintenance } from './accepted.js';

/**
 * Default maximum of deletes in one batch, for truncations and for sweeping; the sweeper deletes
 * the rest. A road index of 100 lanes truncates 1,000 blocks, so ordinary rounds never reach the
 * maximum. It keeps a jump over a long lane from stalling later rounds.
 */
export const BATCH_DELETES = 4096;

const NO_TIP: Operation = { type: 'del', key: TIP_KEY };

/** How batches are composed. */
export interface BatchSettings {
  /** Maximum number of deletes for truncations, sweeping included. */
  readonly deletesMax?: number;
  /** Dropped lanes leave floors. */
  readonly lanesRecur?: boolean;
  /** Encodes the record `votes`. */
  readonly encodeVotes?: typeof encodeVotes;
}

/** Composes one batch. */
export class BatchBuilder {
  /** The first element is reserved for the tip, which is composed last. */
  readonly #operations: Operation[] = [NO_TIP];
  /** The tip that the batch builds on. */
  readonly base: Tip;
  readonly #baseVotes: StoredVotes;
  readonly #deletesMax: number;
  readonly #lanesRecur: boolean;
  readonly #encodeVotes: typeof encodeVotes;
  #votes: StoredVotes;
  readonly #lanes: Map<LaneId, Extent>;
  #qc: Extent;
  #anchor: number | null;
  #inner: number | null;
  #newLane = false;
  #deletes = 0;
  #changed = false;
  #hasReferences = false;

  constructor(base: Tip, votes: StoredVotes, settings: BatchSettings = {}) {
    this.base = base;
    this.#baseVotes = votes;
    this.#votes = votes;
    this.#deletesMax = settings.deletesMax ?? BATCH_DELETES;
    this.#lanesRecur = settings.lanesRecur ?? false;
    this.#encodeVotes = settings.encodeVotes ?? encodeVotes;
    this.#lanes = new Map(base.lanes);
    this.#qc = base.qc;
    this.#anchor = base.anchor;
    this.#inner = base.inner;
  }

  /** True if nothing was added. */
  get isEmpty(): boolean {
    return this.#operations.length === 1 && !this.#changed;
  }

  /** True if a put of the batch refers to a separated value. */
  get hasReferences(): boolean {
    return this.#hasReferences;
  }

  round({ anchor, inner, commitQCs, lanes, votes }: EncodedRound): void {
    if (anchor !== undefined) {
      this.#put(anchor.entry);
      this.#anchor = anchor.entry.crc;
    }
    if (inner !== undefined) {
      this.#put(inner);
      this.#inner = inner.crc;
    }
    if (commitQCs !== undefined) this.#log(commitQCs);
    for (const lane of lanes.values()) this.#log(lane);
    if (votes !== undefined && !isUnchanged(votes)) this.#setVotes(changedVotes(this.#votes, votes));
  }

  /**
   * Adds a background step. Called before the rounds of the batch are added, so that their
   * operations on the same keys come later.
   */
  maintain(work: Maintenance): void {
    switch (work.kind) {
      case 'sweep':
        this.#sweep(work.step);
        break;
      case 'relocate':
        this.#relocate(work.step);
        break;
      case 'empty':
        for (const lane of work.lanes) this.#empty(lane);
        break;
      case 'drop':
        for (const lane of work.lanes) this.#drop(lane);
        break;
    }
  }

  /**
   * Drops lanes with their entries and cursors. It does so only if the lanes have no stale keys and
   * together no more entries than the batch may delete. Otherwise it returns false and does
   * nothing: background steps then empty, sweep and drop the lanes.
   */
  drop(lanes: readonly LaneId[]): boolean {
    let held = 0n;
    for (const lane of lanes) {
      const extent = this.#lanes.get(lane);
      if (extent === undefined) continue;
      if (extent.swept < extent.first) return false;
      held += extent.next - extent.first;
    }
    if (held > this.#deletesLeft) return false;
    for (const lane of lanes) this.#drop(lane);
    return true;
  }

  /** The batch, its tip first, and the resulting state. */
  finish(): { tip: Tip; votes: StoredVotes; operations: Operation[] } {
    const { votes, laneFloors } = this.#votes === this.#baseVotes ? this.base : this.#putVotes();
    const lanes = this.#newLane ? new Map([...this.#lanes].sort(([a], [b]) => (a < b ? -1 : 1))) : this.#lanes;
    const tip: Tip = {
      store: this.base.store,
      seq: this.base.seq + 1n,
      anchor: this.#anchor,
      inner: this.#inner,
      votes,
      laneFloors,
      qc: this.#qc,
      lanes,
    };
    this.#operations[0] = { type: 'put', key: TIP_KEY, value: encodeTip(tip).bytes };
    return { tip, votes: this.#votes, operations: this.#operations };
  }

  /** Puts the changed records of votes; returns the crcs of both. */
  #putVotes(): Pick<Tip, 'votes' | 'laneFloors'> {
    const { base } = this;
    let { votes, laneFloors } = base;
    const before = this.#baseVotes;
    const { quarantine } = this.#votes;
    if (hasOtherRecord(this.#votes, before)) {
      const seq = base.seq + 1n;
      if (quarantine !== undefined && quarantine.seq === undefined) {
        this.#votes = { ...this.#votes, quarantine: { ...quarantine, seq } };
      }
      const record = this.#encodeVotes(this.#votes, seq);
      this.#put({ type: 'put', key: VOTES_KEY, value: record.bytes });
      votes = record.crc;
    }
    if (this.#votes.laneFloors !== before.laneFloors) {
      const record = encodeLaneFloors(this.#votes.laneFloors);
      this.#put({ type: 'put', key: LANE_FLOORS_KEY, value: record.bytes });
      laneFloors = record.crc;
    }
    return { votes, laneFloors };
  }

  #setVotes(votes: StoredVotes): void {
    this.#votes = votes;
    this.#changed = true;
  }

  #sweep({ log, keys, swept }: SweepStep): void {
    const extent = this.#extent(log);
    if (extent === undefined) return;
    for (const key of keys) this.#delete({ type: 'del', key });
    this.#set(log, { ...extent, swept: maxU64(extent.swept, swept) });
  }

  #relocate({ compose }: RelocateStep): void {
    const holds = (lane: LaneId, number: bigint) => {
      const extent = this.#lanes.get(lane);
      return extent !== undefined && number >= extent.first && number < extent.next;
    };
    for (const put of compose(holds)) this.#put(put);
  }

  /** Makes all entries of a lane stale, for the sweeper. */
  #empty(lane: LaneId): void {
    const extent = this.#lanes.get(lane);
    if (extent === undefined) return;
    this.#leaveFloor(lane);
    this.#set(lane, { ...extent, first: extent.next });
  }

  #drop(lane: LaneId): void {
    const extent = this.#lanes.get(lane);
    if (extent === undefined) return;
    this.#leaveFloor(lane);
    this.#deleteRange(lane, extent.first, extent.next);
    this.#lanes.delete(lane);
    this.#changed = true;
  }

  /**
   * Called before the lane is dropped: it may come back with other blocks under numbers that were
   * voted for.
   */
  #leaveFloor(lane: LaneId): void {
    if (!this.#lanesRecur) return;
    const votes = withLaneFloors(this.#votes, [lane], this.#lanes);
    if (votes !== this.#votes) this.#setVotes(votes);
  }

  #log({ log, truncate, append, after }: LogPlan<EntryPut>): void {
    const { first, next } = after;
    const extent = this.#extent(log);
    let swept = first;
    // Stale keys from an earlier jump lie below: `swept` moves past them only after the sweeper has
    // deleted them.
    if (extent !== undefined && extent.swept < extent.first) swept = extent.swept;
    else if (extent !== undefined && truncate.first !== truncate.next) swept = this.#truncate(log, truncate, first);
    for (const put of append) this.#put(put);
    this.#set(log, { first, next, swept });
  }

  /** Deletes as many keys as fit, and returns the number below which no keys remain. */
  #truncate(log: LogName, { first, next }: Cursor, firstAfter: bigint): bigint {
    const left = this.#deletesLeft;
    const end = next - first <= left ? next : first + BigInt(left);
    this.#deleteRange(log, first, end);
    return end === next ? firstAfter : end;
  }

  get #deletesLeft(): number {
    return Math.max(0, this.#deletesMax - this.#deletes);
  }

  #extent(log: LogName): Extent | undefined {
    return log === QC_LOG ? this.#qc : this.#lanes.get(log);
  }

  #set(log: LogName, extent: Extent): void {
    this.#changed = true;
    if (log === QC_LOG) {
      this.#qc = extent;
    } else {
      if (!this.#lanes.has(log)) this.#newLane = true;
      this.#lanes.set(log, extent);
    }
  }

  #put(put: Put): void {
    if (put.reference !== undefined) this.#hasReferences = true;
    this.#operations.push(put);
  }

  #deleteRange(log: LogName, from: bigint, to: bigint): void {
    const keys = logKeys(log);
    for (let number = from; number < to; number++) {
      this.#operations.push(new EntryDelete(keys, number));
      this.#deletes++;
    }
  }

  #delete(operation: Delete): void {
    this.#operations.push(operation);
    this.#deletes++;
  }
}

/** Every field of the record `votes`: without a new one, this does not compile. */
const IN_RECORD: Readonly<Record<Exclude<keyof StoredVotes, 'laneFloors'>, true>> = {
  logs: true,
  signer: true,
  home: true,
  quarantine: true,
  sinks: true,
  heirOf: true,
};

/** True if the record `votes` of both states may differ. */
function hasOtherRecord(votes: StoredVotes, before: StoredVotes): boolean {
  // A vote changes this one, and waits for the answer.
  if (votes.logs !== before.logs) return true;
  for (const field in IN_RECORD) {
    if (votes[field as keyof typeof IN_RECORD] !== before[field as keyof typeof IN_RECORD]) return true;
  }
  return false;
}
