/**
 * The sweeper: deletes, in the background, the stale keys that a jump left (docs/design.md,
 * Deletes). It reads which keys exist, so a gap of 2^40 numbers costs nothing. Its deletes are part
 * of the next batch. The tip records the remaining range, [swept, first), so sweeping continues
 * after a restart.
 */
import { BackgroundTask } from '../../../base/background-task.js';
import { LanestoreError } from '../../../errors.js';
import { type LaneId, parseKey } from '../../../keys/index.js';
import { meter } from '../../../metrics/channel.js';
import type { Engine } from '../engine.js';
import { extentOf, type LogName, logRange, QC_LOG } from '../format/log.js';
import type { SweepStep } from '../format/step.js';
import type { Tip } from '../format/tip.js';
import type { Maintenance } from './accepted.js';

/**
 * Upper bound of keys swept in one batch: about 25 KiB of log, a fraction of a millisecond in the
 * batch of a round.
 */
export const SWEEP_KEYS_MAX = 256;

/** Dependencies of a sweeper. */
export interface SweepTarget {
  /** The label of the store in metrics. */
  readonly store: string;
  readonly engine: Engine;
  /** The tip of the last durable batch. */
  readonly tip: () => Tip;
  readonly maintain: (work: Maintenance) => Promise<void>;
  /** Called when the disk refuses a read: the store must stop. */
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
  readonly #task = new BackgroundTask(() => (this.#hasWork() ? () => this.#run() : undefined));

  constructor(target: SweepTarget) {
    this.#target = target;
  }

  /** Starts work if there is any. Called after open, and after a batch that left stale keys. */
  kick(): void {
    this.#task.kick();
  }

  /**
   * Empties lanes, sweeps them, then drops them; resolves when the drop is durable. No round may
   * touch the lanes meanwhile.
   */
  drop(lanes: readonly LaneId[]): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#task.isStopped) return reject(new LanestoreError('LANESTORE_FAILED', 'sweeping has stopped'));
      this.#drops.push({ lanes, resolve, reject });
      this.kick();
    });
  }

  /** Resolves after the sweep in flight. All drops must have ended. */
  async stop(): Promise<void> {
    await this.#task.stop();
  }

  #hasWork(): boolean {
    return this.#drops.length > 0 || this.#stale() !== undefined;
  }

  async #run(): Promise<void> {
    while (!this.#task.isStopped) {
      const drop = this.#drops.shift();
      const log = this.#stale();
      try {
        if (drop !== undefined) await this.#drop(drop);
        else if (log !== undefined) await this.#sweepSome(log);
        else return;
      } catch (error) {
        // A rejected write has poisoned the store already; a rejected read poisons it here.
        this.#task.halt();
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
    meter(this.#target.store, 'lanestore_swept_entries_total', keys.length);
  }

  async #staleKeys(log: LogName, swept: bigint, first: bigint): Promise<string[]> {
    try {
      return await this.#target.engine.keys(logRange(log, swept, first), SWEEP_KEYS_MAX);
    } catch (cause) {
      const reason = (cause as Error).message;
      throw new LanestoreError('LANESTORE_FAILED', `stale keys cannot be read, reopen the store: ${reason}`, { cause });
    }
  }

  /** A log with stale keys in the durable state; undefined if there is none. */
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

/** The number after the last of `keys`, which are keys of one log. */
function numberAfter(keys: readonly string[]): bigint {
  const key = keys[keys.length - 1] ?? '';
  const parsed = parseKey(key);
  if (parsed?.kind === 'block') return parsed.number + 1n;
  if (parsed?.kind === 'commitQC') return parsed.index + 1n;
  throw new LanestoreError('LANESTORE_CORRUPT', `${key} is among stale entries, but is not the key of an entry`, {
    findings: [{ kind: 'stray', key, detail: 'no key of this format reads like this' }],
  });
}

function asFailure(error: unknown): LanestoreError {
  if (error instanceof LanestoreError) return error;
  return new LanestoreError('LANESTORE_FAILED', 'sweeping failed', { cause: error });
}
