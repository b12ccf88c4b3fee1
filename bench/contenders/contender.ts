/** A contender: one way to make rounds durable. */
import type { BenchRound } from '../rounds.js';

/** When the parts of a round became durable, in milliseconds since its start. */
export interface Durable {
  /** The whole round. */
  readonly roundMs: number;
  readonly firstBlockMs: number;
  readonly lastBlockMs: number;
}

/** Runs a prepared round: only the contender's own work. Call it once. */
export type Job = () => Promise<Durable>;

/** The number of entries that a contender recovers. */
export interface LiveEntries {
  readonly blocks: number;
  readonly commitQCs: number;
  readonly anchors: number;
}

/** Resources used by a separate process that does a contender's work. */
export interface ProcessFigures {
  readonly cpuMs: number;
  readonly rssBytes: number;
  readonly rssPeakBytes: number;
  /** Bytes passed to write calls, and bytes of pages dirtied for the disk. */
  readonly writtenBytes: number;
  readonly storageBytes: number;
}

/** An open contender. Rounds are prepared and run in order, one at a time. */
export interface Contender {
  /** Does the work that is not measured: encoding for contenders that take bytes, and counting. */
  prepare(round: BenchRound): Job;
  /** Bytes of keys and values, or of wire encodings, in the prepared round. */
  readonly userBytes: number;
  /** Number of synced writes, if the contender counts them; used when strace does not work. */
  readonly syncs?: number;
  /** Resources of the contender's separate process. */
  figures?(): Promise<ProcessFigures>;
  close(): Promise<void>;
}

/** A kind of contender: its name, and how to open it. */
export interface ContenderKind {
  readonly name: string;
  /** One line for the report. */
  readonly description: string;
  /** Environment variables for its process, in addition to those of the benchmark. */
  readonly env?: Readonly<Record<string, string>>;
  /** True if a separate process does the work; its event loop cannot be watched. */
  readonly isElsewhere?: boolean;
  /** True if a quick run omits it unless `--only` names it. */
  readonly fullOnly?: boolean;
  /** Resolves with the reason why it cannot run here, or with undefined. May build a program. */
  unavailable?(): Promise<string | undefined>;
  /** Opens it in `dir`, which is empty or was written by the same contender. */
  open(dir: string): Promise<Contender>;
  /**
   * Opens a directory, reads all entries, and closes it. Absent for a contender that cannot be
   * reopened.
   */
  restart?(dir: string): Promise<{ readonly openMs: number; readonly live: LiveEntries }>;
}

/** Times `store`, for a contender whose blocks all become durable at once. */
export async function allAtOnce(store: () => Promise<void>): Promise<Durable> {
  const start = performance.now();
  await store();
  const roundMs = performance.now() - start;
  return { roundMs, firstBlockMs: roundMs, lastBlockMs: roundMs };
}
