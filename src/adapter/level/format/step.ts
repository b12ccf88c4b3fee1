/** What a batch is composed of: encoded rounds, and the work of the background. */
import type { LaneId } from '../../../keys/index.js';
import type { Cursor } from '../../persistence.js';
import type { LogName } from './log.js';
import type { Put } from './operation.js';

/** What a round does to one log: remove `truncate`, put `puts`, leave it at `after`. */
export interface LogStep {
  readonly log: LogName;
  readonly truncate: Cursor;
  readonly puts: readonly Put[];
  readonly after: Cursor;
}

/** A record of which there is one: the anchor, or the node's inner state. */
export interface SingleStep extends Put {
  readonly crc: number;
}

/** An accepted round, encoded. */
export interface RoundStep {
  readonly anchor?: SingleStep;
  readonly inner?: SingleStep;
  readonly logs: readonly LogStep[];
}

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
