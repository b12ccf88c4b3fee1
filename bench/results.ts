/** The shape of `results.json`: everything that was measured, and how. */
import type { LiveEntries } from './contenders/contender.js';
import type { Machine } from './machine.js';
import type { Spread } from './stats.js';
import type { Workload } from './workload.js';

/** Times in milliseconds, sizes in bytes. */
export interface Results {
  readonly format: 1;
  readonly startedAt: string;
  readonly seconds: number;
  readonly quick: boolean;
  readonly seed: number;
  readonly repetitions: number;
  readonly machine: Machine;
  /** Cores that other processes kept busy meanwhile, on average; null where the system does not tell. */
  readonly othersCores: number | null;
  readonly workloads: readonly WorkloadResult[];
  /** Opening what is damaged, or looks like it. Absent in older results, and in a run of some workloads only. */
  readonly damaged?: readonly DamagedResult[];
}

/** How a store opens in a directory that a crash or something else damaged, at the worst that a peer can make of it. */
export interface DamagedResult {
  readonly what: string;
  readonly bytes: number;
  /** `opened`, or the code of the refusal. */
  readonly outcome: string;
  readonly openMs: number;
  readonly turnMsMax: number;
}

export interface WorkloadResult {
  readonly workload: Workload;
  /** Encoded entries of a round, as they go over the wire. */
  readonly entryBytes: { readonly block: number; readonly commitQC: number; readonly anchor: number };
  readonly contenders: readonly ContenderResult[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** What is wrong, such as contenders that do not hold the same in the end. Empty if all is well. */
  readonly complaints: readonly string[];
}

/** Latencies: each repetition has a figure; the spread is over the repetitions. */
export interface Latency {
  readonly p50: Spread;
  readonly p99: Spread;
  readonly max: Spread;
}

export interface ContenderResult {
  readonly name: string;
  readonly description: string;
  /** Measured rounds, all repetitions together. */
  readonly rounds: number;
  readonly roundMs: Latency;
  readonly firstBlockMs: Latency;
  readonly lastBlockMs: Latency;
  /** Round latency at the shares of QUANTILES, all repetitions together. */
  readonly quantilesMs: readonly number[];
  /** The longest turn of the event loop: of each repetition, and of each restart. Null where it cannot be watched; absent in older results. */
  readonly turnMsMax?: { readonly rounds: Spread | null; readonly restart: Spread | null };
  readonly cpuMsPerRound: number;
  readonly syncs: Syncs | null;
  /** Wire bytes of the entries, bytes of write calls, bytes of dirtied pages, a round. */
  readonly userBytesPerRound: number;
  readonly writtenBytesPerRound: number;
  readonly storageBytesPerRound: number;
  /** Bytes of write calls over wire bytes. Not of dirtied pages: the kernel counts a large folio as a whole, whatever was written of it. */
  readonly writeAmplification: number;
  readonly diskBytes: number;
  readonly restartMs: Spread | null;
  readonly live: LiveEntries | null;
  readonly rssBytes: number;
  readonly rssPeakBytes: number;
  /** Its p50 over that of others in the same run; null if they did not run. */
  readonly overLimit: number | null;
  readonly overRaw: number | null;
  readonly overGoWal: number | null;
}

/** Syncs of a round. */
export interface Syncs {
  readonly perRound: number;
  /** `strace`: counted in the kernel, in a run of its own. `derived`: as many as the contender counted batches. */
  readonly how: 'strace' | 'derived';
  readonly fsyncs?: number;
  readonly fdatasyncs?: number;
  readonly syncedWrites?: number;
}

/** Shares at which the latency curves are drawn. */
export const QUANTILES = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1] as const;
