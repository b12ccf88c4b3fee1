/** A lane, or the QC log, as the store drives it: plans speak of numbers, the log below of indexes. */

import { Mutex } from '../../base/mutex.js';
import { LanestoreError } from '../../errors.js';
import type { Cursor } from '../persistence.js';
import type { LogPlan } from '../planner.js';
import type { FramedEntry } from './encode.js';
import type { LogCodec } from './entries.js';
import type { IndexedWal } from './indexed-wal.js';

/** What a log asks for while it applies a plan. */
export interface Applying {
  /** Called before each write; throws when the store is poisoned. */
  guard(): void;
  /** Called after each step that became durable, with the number up to which the log is durable now. */
  durable(next: bigint): void;
  /** A stored anchor says what is truncated: entries below it may stay on a full disk, for they are never read again. */
  readonly isAnchored: boolean;
}

/** One log, and its durable cursor. */
export class StoredLog<T> {
  /** Everything that concerns this log goes through here. */
  readonly mutex = new Mutex();
  readonly #codec: LogCodec<T>;
  readonly #open: () => Promise<IndexedWal<T>>;
  #wal: IndexedWal<T> | undefined;
  #cursor: Cursor | undefined;

  /** `open` makes the log when its first entry comes. */
  constructor(codec: LogCodec<T>, open: () => Promise<IndexedWal<T>>, wal?: IndexedWal<T>, cursor?: Cursor) {
    this.#codec = codec;
    this.#open = open;
    this.#wal = wal;
    this.#cursor = cursor;
  }

  /** The durable cursor; undefined if it never held anything. */
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

  /** Closes the log and forgets what it held. */
  async forget(): Promise<void> {
    await this.close();
    this.#wal = undefined;
    this.#cursor = undefined;
  }

  async close(): Promise<void> {
    await this.#wal?.close();
  }

  /** Rule 5: the entry that will be the oldest is looked at before anything goes. On disk there may be more than the cursor says. */
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
