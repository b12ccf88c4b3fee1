/** The messages between the parent process and a worker. */
import type { Durable, LiveEntries } from './contenders/contender.js';
import type { Workload } from './workload.js';

/** A request to a worker. One at a time. */
export type Request =
  | {
      readonly kind: 'open';
      readonly contender: string;
      readonly dir: string;
      readonly workload: Workload;
      readonly seed: number;
    }
  | {
      readonly kind: 'run';
      readonly roundsMin: number;
      readonly roundsMax: number;
      readonly msMax: number;
      /** Number of rounds that are submitted together; each is timed from its own submission. */
      readonly inFlight: number;
      /** Set marks before and after the rounds, for a trace. */
      readonly marked: boolean;
    }
  /** Runs rounds without a measurement. */
  | { readonly kind: 'fill'; readonly rounds: number }
  | { readonly kind: 'figures' }
  | { readonly kind: 'close' }
  | { readonly kind: 'restart'; readonly contender: string; readonly dir: string };

/** The result of a slice of rounds. */
export interface Slice {
  readonly rounds: readonly Durable[];
  /** The longest turn of the event loop; null for a contender that works in a separate process. */
  readonly turnMsMax: number | null;
}

/** The result of a restart. */
export interface Restarted {
  readonly openMs: number;
  readonly live: LiveEntries;
  /** As {@link Slice.turnMsMax}. */
  readonly turnMsMax: number | null;
}

/** The answer to a request. */
export type Answer = { readonly value: unknown } | { readonly error: string };

/** Totals of a contender's process since its start, without the cost of making rounds. */
export interface Figures {
  readonly cpuMs: number;
  readonly rssBytes: number;
  readonly rssPeakBytes: number;
  readonly writtenBytes: number;
  readonly storageBytes: number;
  readonly rounds: number;
  readonly userBytes: number;
  /** Synced writes as counted by the contender; null if it does not count them. */
  readonly syncs: number | null;
}
