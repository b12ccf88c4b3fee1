/**
 * How long a workload runs. A time limit bounds slow contenders. The lanes are always filled first.
 */
import { roundBlockBytes, type Workload } from './workload.js';

/** Limits of one workload's run, for each contender. */
export interface Effort {
  /** Unmeasured rounds, which fill the lanes and warm up the code. */
  readonly warmUpRoundsMax: number;
  readonly warmUpMsMax: number;
  /** Measured rounds of a contender before the next contender runs. */
  readonly sliceRoundsMax: number;
  readonly sliceMsMax: number;
  /** Wait for a quiet disk before each slice. */
  readonly settles: boolean;
  /** Slices of each contender in a repetition. */
  readonly slices: number;
  /** Number of restarts, each from a copy of the directory after the rounds. */
  readonly restarts: number;
  /** Rounds whose syncs are counted, in a separate run; 0 for none. */
  readonly countedRounds: number;
}

const MIB = 1024 * 1024;

/** The limits for a workload. */
export function effortFor(workload: Workload, quick: boolean): Effort {
  const bytes = roundBlockBytes(workload);
  if (quick) return quickEffort(bytes);
  if (bytes < MIB) {
    return { ...FULL, warmUpRoundsMax: 400, sliceRoundsMax: 150, slices: 3, countedRounds: 40 };
  }
  if (bytes < 4 * MIB) return { ...FULL, warmUpRoundsMax: 150, sliceRoundsMax: 60, slices: 2, countedRounds: 10 };
  return {
    ...FULL,
    warmUpRoundsMax: 34,
    sliceRoundsMax: 12,
    slices: 1,
    sliceMsMax: 3000,
    restarts: 1,
    countedRounds: 2,
  };
}

const FULL = { settles: true, warmUpMsMax: 4000, sliceMsMax: 1500, restarts: 3 };
const QUICK = { settles: false, warmUpMsMax: 250, sliceMsMax: 120, slices: 1, restarts: 1 };

function quickEffort(bytes: number): Effort {
  if (bytes < MIB) return { ...QUICK, warmUpRoundsMax: 60, sliceRoundsMax: 40, countedRounds: 5 };
  if (bytes < 4 * MIB) return { ...QUICK, warmUpRoundsMax: 30, sliceRoundsMax: 10, countedRounds: 0 };
  return { ...QUICK, warmUpRoundsMax: 8, sliceRoundsMax: 2, countedRounds: 0 };
}
