/**
 * From accepted steps to one LevelDB batch: the puts and deletes, and the tip that describes the
 * store after them.
 *
 * Pure. A builder starts from the tip of the last durable batch and takes steps in the order in
 * which they were accepted; the batch begins with its tip, so that a log record of ours can be told
 * from one inside of a block's bytes, which others choose.
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
 * Deletes that one batch contains for truncations, and for sweeping, when nothing is said; more is
 * left to the sweeper. A road index of 100 lanes truncates 1,000 blocks, so ordinary rounds never
 * leave anything; a jump over a long lane does not stall the rounds after it.
 */
export const BATCH_DELETES = 4096;

const NO_TIP: Operation = { type: 'del', key: TIP_KEY };

/** How batches are composed. */
export interface BatchSettings {
  /** Deletes for truncations that the batch takes, sweeping included. */
  readonly deletesMax?: number;
  /** Lanes that are dropped leave floors. */
  readonly lanesRecur?: boolean;
}

/** Composes one batch. */
export class BatchBuilder {
  /** The first place is the tip's, which is known last. */
  readonly #operations: Operation[] = [NO_TIP];
  /** The tip that the batch builds on. */
  readonly base: Tip;
  readonly #baseVotes: StoredVotes;
  readonly #deletesMax: number;
  readonly #lanesRecur: boolean;
  #votes: StoredVotes;
  readonly #lanes: Map<LaneId, Extent>;
  #qc: Extent;
  #anchor: number | null;
  #inner: number | null;
  #newLane = false;
  #deletes = 0;
  #changed = false;
  #hasReferences = false;

  constructor(base: Tip, votes: StoredVotes, { deletesMax = BATCH_DELETES, lanesRecur = false }: BatchSettings = {}) {
    this.base = base;
    this.#baseVotes = votes;
    this.#votes = votes;
    this.#deletesMax = deletesMax;
    this.#lanesRecur = lanesRecur;
    this.#lanes = new Map(base.lanes);
    this.#qc = base.qc;
    this.#anchor = base.anchor;
    this.#inner = base.inner;
  }

  /** True if nothing was added: there is nothing to write. */
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
   * Adds a step of the background. Before the rounds of the batch, so that what they do to the same
   * keys comes after it.
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
   * Drops lanes: what they hold, and their cursors. False, and nothing is done, unless few deletes
   * suffice: nothing stale is left, and together they hold no more than the batch may delete. Then
   * they are emptied, swept and dropped by steps of the background.
   */
  drop(lanes: readonly LaneId[]): boolean {
    let held = 0n;
    for (const lane of lanes) {
      const extent = this.#lanes.get(lane);
      if (extent === undefined) continue;
      if (extent.swept < extent.first) return false;
      held += extent.next - extent.first;
    }
    if (held > this.#deletesLeft()) return false;
    for (const lane of lanes) this.#drop(lane);
    return true;
  }

  /** The batch, its tip first, and what it leads to. */
  finish(): { tip: Tip; votes: StoredVotes; operations: Operation[] } {
    const { votes, laneFloors } = this.#putVotes();
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

  /** Puts the records of votes that change; gives the crcs of both. */
  #putVotes(): Pick<Tip, 'votes' | 'laneFloors'> {
    const { base } = this;
    let { votes, laneFloors } = base;
    const before = this.#baseVotes;
    const { signer, logs, quarantine } = this.#votes;
    if (signer !== before.signer || logs !== before.logs || quarantine !== before.quarantine) {
      const seq = base.seq + 1n;
      if (quarantine !== undefined && quarantine.seq === undefined) {
        this.#votes = { ...this.#votes, quarantine: { ...quarantine, seq } };
      }
      const record = encodeVotes(this.#votes, seq);
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

  /** All that a lane holds becomes stale: it is left to the sweeper. */
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
   * Before the lane goes: it may come back, with other blocks under numbers that were voted for.
   */
  #leaveFloor(lane: LaneId): void {
    if (!this.#lanesRecur) return;
    const votes = withLaneFloors(this.#votes, [lane], this.#lanes);
    if (votes !== this.#votes) this.#setVotes(votes);
  }

  #log({ log, truncate, append, after }: LogPlan<EntryPut>): void {
    const { first, next } = after;
    const swept = this.#truncate(log, truncate, first);
    for (const put of append) this.#put(put);
    this.#set(log, { first, next, swept });
  }

  /** Deletes what fits, and returns below which number no keys are left. */
  #truncate(log: LogName, truncate: Cursor, firstAfter: bigint): bigint {
    const extent = this.#extent(log);
    if (extent === undefined) return firstAfter;
    // Stale keys from an earlier jump lie below: `swept` can only move past them when the sweeper
    // took them.
    if (extent.swept < extent.first) return extent.swept;
    const left = this.#deletesLeft();
    const length = truncate.next - truncate.first;
    if (length <= left) {
      this.#deleteRange(log, truncate.first, truncate.next);
      return firstAfter;
    }
    this.#deleteRange(log, truncate.first, truncate.first + left);
    return truncate.first + left;
  }

  #deletesLeft(): bigint {
    return BigInt(Math.max(0, this.#deletesMax - this.#deletes));
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
    if (from === to) return;
    const keys = logKeys(log);
    for (let number = from; number < to; number++) this.#delete(new EntryDelete(keys, number));
  }

  #delete(operation: Delete): void {
    this.#operations.push(operation);
    this.#deletes++;
  }
}
