/** A contender: one way to make rounds durable. */
import type { BenchRound } from '../rounds.js';

/** When parts of a round were durable, in milliseconds since its start. */
export interface Durable {
  /** The whole round. */
  readonly roundMs: number;
  readonly firstBlockMs: number;
  readonly lastBlockMs: number;
}

/** A round made ready: everything that is not the contender's own work is done. Called once. */
export type Job = () => Promise<Durable>;

/** What a contender holds after its rounds. */
export interface LiveEntries {
  readonly blocks: number;
  readonly commitQCs: number;
  readonly anchors: number;
}

/** Resources of the process that does a contender's work, if it is not the calling one. */
export interface ProcessFigures {
  readonly cpuMs: number;
  readonly rssBytes: number;
  readonly rssPeakBytes: number;
  /** Bytes handed to write calls, and bytes of pages that were made dirty for the disk. */
  readonly writtenBytes: number;
  readonly storageBytes: number;
}

/** An open contender. Rounds are prepared and run in order, one at a time. */
export interface Contender {
  /** Does what the contender is spared: encoding for those that take bytes, counting. */
  prepare(round: BenchRound): Job;
  /** Bytes of keys and values, or of wire encodings, that the prepared round asks to be stored. */
  readonly userBytes: number;
  /** Batches or the like that were written, when the contender can tell; for counts that cannot be traced. */
  readonly syncs?: number;
  /** Resources of a process of its own. */
  figures?(): Promise<ProcessFigures>;
  close(): Promise<void>;
}

/** A way to open a contender. */
export interface ContenderKind {
  readonly name: string;
  /** One line for the report. */
  readonly description: string;
  /** What its process has in its environment beside that of the benchmark. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its work is done in a process of its own, whose event loop cannot be watched. */
  readonly isElsewhere?: boolean;
  /** Left out of a quick run unless `--only` names it. */
  readonly fullOnly?: boolean;
  /** Why it cannot run here, or undefined if it can. May build what it needs. */
  unavailable?(): Promise<string | undefined>;
  /** Opens it in `dir`, which is empty, or holds what an earlier one left. */
  open(dir: string): Promise<Contender>;
  /** Opens what a closed one left, reads all of it, closes it; absent for one that keeps nothing to come back to. */
  restart?(dir: string): Promise<{ readonly openMs: number; readonly live: LiveEntries }>;
}

/** Runs `store` and gives a {@link Durable} for a contender whose blocks all become durable at once. */
export async function allAtOnce(store: () => Promise<void>): Promise<Durable> {
  const start = performance.now();
  await store();
  const roundMs = performance.now() - start;
  return { roundMs, firstBlockMs: roundMs, lastBlockMs: roundMs };
}
