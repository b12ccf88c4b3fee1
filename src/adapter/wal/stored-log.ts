/**
 * A lane's log or the QC log. Translates plans, which use numbers, to the log, which uses indexes.
 */

import { Mutex } from '../../base/mutex.js';
import { LanestoreError } from '../../errors.js';
import type { Cursor } from '../persistence.js';
import type { LogPlan } from '../planner.js';
import type { FramedEntry } from './encode.js';
import type { LogCodec } from './entries.js';
import type { IndexedWal } from './indexed-wal.js';

/** Callbacks and settings for applying a plan. */
export interface Applying {
  /** Called before each write; throws if the store is poisoned. */
  guard(): void;
  /**
   * Called after each durable step, with the number of the next entry: all entries below it are
   * durable.
   */
  durable(next: bigint): void;
  /**
   * True if a stored anchor covers the truncation: entries below it are never read again, so on a
   * full disk they may stay.
   */
  readonly isAnchored: boolean;
}

/** One log and its durable cursor. */
export class StoredLog<T> {
  /** Serializes all work on this log. */
  readonly mutex = new Mutex();
  readonly #codec: LogCodec<T>;
  readonly #open: () => Promise<IndexedWal<T>>;
  #wal: IndexedWal<T> | undefined;
  #cursor: Cursor | undefined;

  /** `open` creates the log; called for its first entry. */
  constructor(codec: LogCodec<T>, open: () => Promise<IndexedWal<T>>, wal?: IndexedWal<T>, cursor?: Cursor) {
    this.#codec = codec;
    this.#open = open;
    this.#wal = wal;
    this.#cursor = cursor;
  }

  /** The durable cursor; undefined if the log never held an entry. */
  get cursor(): Cursor | undefined {
    return this.#cursor;
  }

  /** Truncates, then appends. Each step is durable before the next one begins. */
  async apply(plan: LogPlan<FramedEntry<T>>, applying: Applying): Promise<void> {
    const { first } = plan.after;
    let next = plan.after.next - BigInt(plan.append.length);
    if (plan.truncate.first < plan.truncate.next) {
      applying.guard();
      await this.#truncate(plan.truncate, applying.isAnchored);
    }
    if (plan.before !== undefined) this.#cursor = { first, next };
    applying.durable(next);
    for (const { frame } of plan.append) {
      applying.guard();
      this.#wal ??= await this.#open();
      await this.#wal.appendFrame(frame);
      next++;
      this.#cursor = { first, next };
      applying.durable(next);
    }
  }

  /** Closes the log and clears the cursor. */
  async forget(): Promise<void> {
    await this.close();
    this.#wal = undefined;
    this.#cursor = undefined;
  }

  async close(): Promise<void> {
    await this.#wal?.close();
  }

  /**
   * Checks the number of the future oldest entry before any entry is removed (docs/architecture.md,
   * Rules of the planner, rule 5). The disk may hold more entries than the cursor covers.
   */
  async #truncate({ first, next }: Cursor, mayLag: boolean): Promise<void> {
    const wal = this.#wal;
    const left = this.#cursor!.next - next;
    if (wal === undefined || next - first + left > BigInt(wal.count)) {
      const all = next - first + left;
      throw new LanestoreError('LANESTORE_CORRUPT', `the log holds ${wal?.count ?? 0} entries, there should be ${all}`);
    }
    const verify = (entry: T) => {
      const found = this.#codec.number?.(entry);
      if (found === next) return;
      throw new LanestoreError('LANESTORE_CORRUPT', `entry ${next} would become the oldest, but there is ${found}`);
    };
    await wal.truncateBefore(wal.nextIndex - left, verify, mayLag);
  }
}
