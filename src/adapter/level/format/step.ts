/** What a batch is composed of: encoded rounds, and the work of the background. */
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

/** An accepted round: its plan, each entry of it a put. */
export type EncodedRound = Omit<Plan<unknown, unknown, unknown, LevelEntries>, 'notify'>;

/** Stale keys of one log that an iterator found; below `swept` none are left afterwards. */
export interface SweepStep {
  readonly log: LogName;
  readonly keys: readonly string[];
  readonly swept: bigint;
}

/** Moves that are to ride with the next batch. */
export interface RelocateStep {
  /** The puts of those that still hold in the state that the batch builds on; called once, when it is composed. */
  readonly compose: (holds: (lane: LaneId, number: bigint) => boolean) => readonly Put[];
}
