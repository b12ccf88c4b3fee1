/** The shape of `results.json`: all measurements and their conditions. */
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
  /** Average number of cores that other processes used during the run; null if unknown. */
  readonly othersCores: number | null;
  readonly workloads: readonly WorkloadResult[];
  /** Opens of damaged directories. Absent in older results. */
  readonly damaged?: readonly DamagedResult[];
}

/** An open of a damaged directory whose content is the worst that a peer can choose. */
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
  /** Wire sizes of the entries of a round. */
  readonly entryBytes: { readonly block: number; readonly commitQC: number; readonly anchor: number };
  readonly contenders: readonly ContenderResult[];
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  /** What is wrong, such as contenders with different content at the end. Empty if nothing is. */
  readonly complaints: readonly string[];
}

/** Latencies; each spread is over the repetitions. */
export interface Latency {
  readonly p50: Spread;
  readonly p99: Spread;
  readonly max: Spread;
}

export interface ContenderResult {
  readonly name: string;
  readonly description: string;
  /** Number of measured rounds in all repetitions. */
  readonly rounds: number;
  readonly roundMs: Latency;
  readonly firstBlockMs: Latency;
  readonly lastBlockMs: Latency;
  /** Round latency at the shares in QUANTILES, over all repetitions. */
  readonly quantilesMs: readonly number[];
  /**
   * The longest turn of the event loop, over repetitions and over restarts. Null if it cannot be
   * watched; absent in older results.
   */
  readonly turnMsMax?: { readonly rounds: Spread | null; readonly restart: Spread | null };
  readonly cpuMsPerRound: number;
  readonly syncs: Syncs | null;
  /** Per round: wire bytes of the entries, bytes of write calls, bytes of dirtied pages. */
  readonly userBytesPerRound: number;
  readonly writtenBytesPerRound: number;
  readonly storageBytesPerRound: number;
  /**
   * Bytes of write calls divided by wire bytes. Dirtied pages would mislead: the kernel counts a
   * large folio as a whole.
   */
  readonly writeAmplification: number;
  readonly diskBytes: number;
  readonly restartMs: Spread | null;
  readonly live: LiveEntries | null;
  readonly rssBytes: number;
  readonly rssPeakBytes: number;
  /** Ratio of the p50 to that of another contender in the same run; null if that did not run. */
  readonly overLimit: number | null;
  readonly overRaw: number | null;
  readonly overGoWal: number | null;
}

/** Syncs of a round. */
export interface Syncs {
  readonly perRound: number;
  /**
   * `strace`: counted by the kernel in a separate run. `derived`: the number of batches that the
   * contender counted.
   */
  readonly how: 'strace' | 'derived';
  readonly fsyncs?: number;
  readonly fdatasyncs?: number;
  readonly msyncs?: number;
  readonly syncedWrites?: number;
}

/** Shares at which the latency curves are drawn. */
export const QUANTILES = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1] as const;
