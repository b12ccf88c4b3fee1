/**
 * Frees disk space when there is too little of it. Pruned entries are deleted in LevelDB, but their
 * bytes stay in the tables until a compaction reaches them. Below the watermark no round is
 * accepted that would fill tables and so start a compaction. Therefore, after a round was refused
 * for lack of space, the pruned ranges of keys are compacted in the background, and free value
 * files are removed. A refusal starts that once. It is repeated only while a call of `ready` waits,
 * because the caller may have given up the round.
 *
 * One compaction runs at a time, each over some adjacent logs; rounds go on meanwhile. LevelDB does
 * not close during a compaction, so close() waits for the current one. A compaction writes its
 * output before it removes its input, and a write that meets a full disk would poison the store. So
 * it starts only if there is space for the output.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type BackgroundRun, BackgroundTask } from '../../../base/background-task.js';
import type { DiskSpace } from '../disk-watermark.js';
import type { Engine } from '../engine.js';
import { type LogName, logKey, QC_LOG } from '../format/log.js';
import type { Tip } from '../format/tip.js';
import type { ValueStore } from '../values/value-store.js';

/**
 * Upper bound of portions for the lanes: each compaction begins with a flush of LevelDB's memory.
 */
const PORTIONS_MAX = 8;
/** Pause after a run: every round prunes, and a table should not be rewritten for each. */
export const REST_MS = 1000;

/** Dependencies of a reclaimer. */
export interface ReclaimTarget {
  readonly engine: Pick<Engine, 'compact'>;
  /** LevelDB's directory. */
  readonly level: string;
  /** The tip of the last durable batch. */
  readonly tip: () => Tip;
  readonly space: Pick<DiskSpace, 'hasRoom' | 'allowsCompaction'>;
  /** True while calls of `ready` wait. */
  readonly isAwaited: () => boolean;
  readonly values?: Pick<ValueStore, 'shed'> | undefined;
}

/** A range of keys to compact, both ends included. */
interface Portion {
  readonly from: string;
  readonly to: string;
  /** The first unswept number of each of its logs. */
  readonly logs: readonly (readonly [LogName, bigint])[];
}

/** Frees disk space; see the top of this file. */
export class Reclaimer {
  readonly #target: ReclaimTarget;
  /** The first unswept number of each log at its last compaction. */
  readonly #compacted = new Map<LogName, bigint>();
  readonly #task = new BackgroundTask(() => this.#next());
  /** True if a round was refused since the last run began. */
  #isAsked = false;
  #restUntil = 0;

  constructor(target: ReclaimTarget) {
    this.#target = target;
  }

  /** Called when a round was refused for lack of space. */
  refused(): void {
    this.#isAsked = true;
    this.kick();
  }

  /**
   * Starts work if space is short and entries were pruned. Called after a refusal, and after each
   * batch.
   */
  kick(): void {
    this.#task.kick();
  }

  /** Resolves after the current compaction. */
  async stop(): Promise<void> {
    await this.#task.stop();
  }

  #next(): BackgroundRun | undefined {
    const { space, isAwaited } = this.#target;
    if (space.hasRoom || !(this.#isAsked || isAwaited()) || !this.#hasWork()) return undefined;
    const restMs = this.#restUntil - performance.now();
    if (restMs <= 0) return () => this.#run().finally(() => this.#rest());
    this.#task.kickAfter(restMs);
    return undefined;
  }

  #rest(): void {
    this.#restUntil = performance.now() + REST_MS;
  }

  /**
   * Failures are ignored: a disk that fails a compaction also fails LevelDB's next write, which
   * poisons the store.
   */
  async #run(): Promise<void> {
    const { engine, level, space, values } = this.#target;
    this.#isAsked = false;
    values?.shed();
    for (const { from, to, logs } of this.#portions()) {
      const bytes = await tableBytes(level).catch(() => Number.POSITIVE_INFINITY);
      if (this.#task.isStopped || space.hasRoom || !(await space.allowsCompaction(bytes).catch(() => false))) return;
      try {
        await engine.compact(from, to);
      } catch {
        return;
      }
      for (const [log, first] of logs) this.#compacted.set(log, first);
    }
  }

  #hasWork(): boolean {
    for (const [log, first] of this.#begun()) if (first > (this.#compacted.get(log) ?? 0n)) return true;
    return false;
  }

  /** Each log with its first unswept number, the lanes in the order of their keys. */
  #begun(): [LogName, bigint][] {
    const { lanes, qc } = this.#target.tip();
    const begun: [LogName, bigint][] = [...lanes].map(([lane, { swept }]) => [lane, swept]);
    return [...begun.sort(([a], [b]) => (a < b ? -1 : 1)), [QC_LOG, qc.swept]];
  }

  #portions(): Portion[] {
    const { lanes: held } = this.#target.tip();
    for (const log of this.#compacted.keys()) if (log !== QC_LOG && !held.has(log)) this.#compacted.delete(log);
    const pruned = this.#begun().filter(([log, first]) => first > (this.#compacted.get(log) ?? 0n));
    const lanes = pruned.filter(([log]) => log !== QC_LOG);
    const size = Math.max(1, Math.ceil(lanes.length / PORTIONS_MAX));
    const groups = [pruned.filter(([log]) => log === QC_LOG)];
    for (let at = 0; at < lanes.length; at += size) groups.push(lanes.slice(at, at + size));
    return groups.flatMap((logs) => {
      const [head, last] = [logs[0], logs.at(-1)];
      if (head === undefined || last === undefined) return [];
      return [{ from: logKey(head[0], this.#compacted.get(head[0]) ?? 0n), to: logKey(last[0], last[1]), logs }];
    });
  }
}

/** Bytes of LevelDB's tables: an upper bound of a compaction's output. */
async function tableBytes(level: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(level)) {
    // A table that is gone meanwhile needs no space.
    if (/\.(ldb|sst)$/.test(name))
      bytes += await stat(join(level, name)).then(
        ({ size }) => size,
        () => 0,
      );
  }
  return bytes;
}
