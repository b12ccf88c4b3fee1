/**
 * The sweeper: deletes, in the background, the stale keys that a jump left (docs/design.md, Deletes). It reads which keys there are,
 * so a gap of 2^40 numbers costs nothing, and its deletes ride along with the next batch. What it has not done when the process
 * dies, the tip still says: [swept, first).
 */
import { LanestoreError } from '../../../errors.js';
import { type LaneId, parseKey } from '../../../keys/index.js';
import { meter } from '../../../metrics/channel.js';
import type { Engine } from '../engine.js';
import { extentOf, type LogName, logRange, QC_LOG } from '../format/log.js';
import type { SweepStep } from '../format/step.js';
import type { Tip } from '../format/tip.js';
import type { Maintenance } from './accepted.js';

/** Keys that one batch sweeps: some 25 KiB of log, a fraction of a millisecond on the round that it rides with. */
export const SWEEP_KEYS_MAX = 256;

/** What a sweeper works with. */
export interface SweepTarget {
  readonly engine: Engine;
  /** The tip of the last durable batch. */
  readonly tip: () => Tip;
  readonly maintain: (work: Maintenance) => Promise<void>;
  /** The disk refuses reads: the store must not go on. */
  readonly fail: (cause: unknown) => void;
}

interface SlowDrop {
  readonly lanes: readonly LaneId[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Deletes stale keys in the background; see the top of this file. */
export class Sweeper {
  readonly #target: SweepTarget;
  #drops: SlowDrop[] = [];
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(target: SweepTarget) {
    this.#target = target;
  }

  /** Starts work if there is any: after open, and after a batch that left stale keys. */
  kick(): void {
    if (this.#running !== undefined || this.#stopped || !this.#hasWork()) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      this.kick();
    });
  }

  /** Empties lanes, sweeps them, then drops them; resolves when that is durable. No round may touch them meanwhile. */
  drop(lanes: readonly LaneId[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#stopped) return reject(new LanestoreError('LANESTORE_FAILED', 'sweeping has stopped'));
      this.#drops.push({ lanes, resolve, reject });
      this.kick();
    });
  }

  /** Ends after the sweep in flight. Drops must have ended before. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  #hasWork(): boolean {
    return this.#drops.length > 0 || this.#stale() !== undefined;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const drop = this.#drops.shift();
      const log = this.#stale();
      try {
        if (drop !== undefined) await this.#drop(drop);
        else if (log !== undefined) await this.#sweepSome(log);
        else return;
      } catch (error) {
        // A rejected write has poisoned the store by now; a rejected read must.
        this.#stopped = true;
        this.#target.fail(error);
        for (const waiting of [drop, ...this.#drops.splice(0)]) waiting?.reject(asFailure(error));
      }
    }
  }

  async #drop(drop: SlowDrop): Promise<void> {
    await this.#target.maintain({ kind: 'empty', lanes: drop.lanes });
    for (const lane of drop.lanes) while (this.#isStale(lane)) await this.#sweepSome(lane);
    await this.#target.maintain({ kind: 'drop', lanes: drop.lanes });
    drop.resolve();
  }

  async #sweepSome(log: LogName): Promise<void> {
    const extent = extentOf(this.#target.tip(), log);
    if (extent === undefined) return;
    const { swept, first } = extent;
    const keys = await this.#staleKeys(log, swept, first);
    const step: SweepStep = { log, keys, swept: keys.length < SWEEP_KEYS_MAX ? first : numberAfter(keys) };
    await this.#target.maintain({ kind: 'sweep', step });
    meter('lanestore_swept_entries_total', keys.length);
  }

  async #staleKeys(log: LogName, swept: bigint, first: bigint): Promise<string[]> {
    try {
      return await this.#target.engine.keys(logRange(log, swept, first), SWEEP_KEYS_MAX);
    } catch (cause) {
      const reason = (cause as Error).message;
      throw new LanestoreError('LANESTORE_FAILED', `stale keys cannot be read, reopen the store: ${reason}`, { cause });
    }
  }

  /** A log with stale keys, in the durable state. */
  #stale(): LogName | undefined {
    const tip = this.#target.tip();
    if (tip.qc.swept < tip.qc.first) return QC_LOG;
    for (const [lane, { swept, first }] of tip.lanes) if (swept < first) return lane;
    return undefined;
  }

  #isStale(log: LogName): boolean {
    const extent = extentOf(this.#target.tip(), log);
    return extent !== undefined && extent.swept < extent.first;
  }
}

/** The number after the last of the keys, which come from the range of a log. */
function numberAfter(keys: readonly string[]): bigint {
  const key = keys[keys.length - 1] ?? '';
  const parsed = parseKey(key);
  if (parsed?.kind === 'block') return parsed.number + 1n;
  if (parsed?.kind === 'commitQC') return parsed.index + 1n;
  throw new LanestoreError('LANESTORE_CORRUPT', `${key} lies among stale entries but is none`, {
    findings: [{ kind: 'stray', key, detail: 'no key of this format reads like this' }],
  });
}

function asFailure(error: unknown): LanestoreError {
  if (error instanceof LanestoreError) return error;
  return new LanestoreError('LANESTORE_FAILED', 'sweeping failed', { cause: error });
}
