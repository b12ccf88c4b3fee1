/**
 * Gives disk space back when there is too little of it. What is pruned is deleted in LevelDB, but
 * its bytes stay in the tables until a compaction comes upon them, and under the watermark nothing
 * that fills tables, and so starts one, is accepted any more. So once a round was refused for want
 * of space, the range of keys that was pruned is compacted, in the background, and value files that
 * no record refers to are removed. A refusal starts that once; again only while a call of `ready`
 * waits, for the round may have been given up.
 *
 * One compaction at a time, each of some logs that are neighbours; rounds go on meanwhile. LevelDB does not close in the midst of one, so close()
 * waits for the one at hand. A compaction writes what it keeps before it removes what it read, and a write that the disk has no room for
 * would poison the store: it is begun only if that room is there.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DiskSpace } from '../disk-watermark.js';
import type { Engine } from '../engine.js';
import { type LogName, logKey, QC_LOG } from '../format/log.js';
import type { Tip } from '../format/tip.js';
import type { ValueStore } from '../values/value-store.js';

/** The lanes are compacted in so many portions at most: each begins with writing out what LevelDB has in memory. */
const PORTIONS_MAX = 8;
/** From the end of one run to the next: prunes come with every round, and a table should not be written again for each. */
export const REST_MS = 1000;

/** What a reclaimer works with. */
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

/** Keys to be compacted, both ends included. */
interface Portion {
  readonly from: string;
  readonly to: string;
  /** Where each of its logs begins now. */
  readonly logs: readonly (readonly [LogName, bigint])[];
}

/** Gives disk space back; see the top of this file. */
export class Reclaimer {
  readonly #target: ReclaimTarget;
  /** Where each log began when it was compacted last. */
  readonly #compacted = new Map<LogName, bigint>();
  #running: Promise<void> | undefined;
  #stopped = false;
  /** A round was refused since the last run began. */
  #isAsked = false;
  #restUntil = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(target: ReclaimTarget) {
    this.#target = target;
  }

  /** A round was refused for want of space. */
  refused(): void {
    this.#isAsked = true;
    this.kick();
  }

  /** Starts work if space is short and something was pruned: after a refusal, and after each batch. */
  kick(): void {
    const { space, isAwaited } = this.#target;
    if (this.#running !== undefined || this.#stopped || space.hasRoom) return;
    if (!(this.#isAsked || isAwaited()) || !this.#hasWork()) return;
    const restMs = this.#restUntil - performance.now();
    if (restMs > 0) {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.kick();
      }, restMs).unref();
      return;
    }
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      this.#restUntil = performance.now() + REST_MS;
      this.kick();
    });
  }

  /** Ends after the compaction at hand. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  /** A failure is not reported here: a disk that fails a compaction fails LevelDB's next write, which poisons the store. */
  async #run(): Promise<void> {
    const { engine, level, space, values } = this.#target;
    this.#isAsked = false;
    values?.shed();
    for (const { from, to, logs } of this.#portions()) {
      const bytes = await tableBytes(level).catch(() => Number.POSITIVE_INFINITY);
      if (this.#stopped || space.hasRoom || !(await space.allowsCompaction(bytes).catch(() => false))) return;
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

  /** Logs whose stale keys are deleted, the lanes as their keys are ordered, each with where it begins. */
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

/** Bytes of LevelDB's tables: a compaction writes no more. */
async function tableBytes(level: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(level)) {
    // One that is gone meanwhile needs no room.
    if (/\.(ldb|sst)$/.test(name))
      bytes += await stat(join(level, name)).then(
        ({ size }) => size,
        () => 0,
      );
  }
  return bytes;
}
