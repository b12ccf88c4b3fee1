/** The parts of a batch: encoded rounds, and steps of background work. */
import type { LaneId } from '../../../keys/index.js';
import type { Encoded, Plan } from '../../round-plan.js';
import type { LogName } from './log.js';
import type { EntryPut, Put, SinglePut } from './operation.js';

/** Entries as this backend encodes them. */
export interface LevelEntries extends Encoded {
  readonly block: EntryPut;
  readonly commitQC: EntryPut;
  readonly anchor: SinglePut;
  readonly inner: SinglePut;
}

/** An accepted round: its plan, with each entry encoded as a put. */
export type EncodedRound = Omit<Plan<unknown, unknown, unknown, LevelEntries>, 'notify'>;

/**
 * Stale keys of one log, found by an iterator. After the step, no stale key below `swept` is left.
 */
export interface SweepStep {
  readonly log: LogName;
  readonly keys: readonly string[];
  readonly swept: bigint;
}

/** Moves of values that become part of the next batch. */
export interface RelocateStep {
  /**
   * Returns the puts of the moves that are still valid in the state that the batch builds on.
   * Called once, when the batch is composed.
   */
  readonly compose: (holds: (lane: LaneId, number: bigint) => boolean) => readonly Put[];
}
