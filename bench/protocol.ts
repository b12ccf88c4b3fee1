/** What a parent asks a worker, and what comes back. */
import type { Durable, LiveEntries } from './contenders/contender.js';
import type { Workload } from './workload.js';

/** One request at a time. */
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
      /** Rounds that are submitted together; each is timed from its own submission. */
      readonly inFlight: number;
      /** Frame the rounds with marks that a trace shows. */
      readonly marked: boolean;
    }
  | { readonly kind: 'figures' }
  | { readonly kind: 'close' }
  | { readonly kind: 'restart'; readonly contender: string; readonly dir: string };

/** The rounds of a slice. */
export interface Slice {
  readonly rounds: readonly Durable[];
  /** The longest turn of the event loop meanwhile; null for a contender whose work is done in a process of its own. */
  readonly turnMsMax: number | null;
}

/** A restart. */
export interface Restarted {
  readonly openMs: number;
  readonly live: LiveEntries;
  /** As {@link Slice.turnMsMax}. */
  readonly turnMsMax: number | null;
}

/** What every request is answered with. */
export type Answer = { readonly value: unknown } | { readonly error: string };

/** Totals of a contender's process since it began; what making rounds cost is left out. */
export interface Figures {
  readonly cpuMs: number;
  readonly rssBytes: number;
  readonly rssPeakBytes: number;
  readonly writtenBytes: number;
  readonly storageBytes: number;
  readonly rounds: number;
  readonly userBytes: number;
  /** Synced writes that the contender counts itself; null if it does not. */
  readonly syncs: number | null;
}
