/** A lane, or the QC log, as the store drives it: plans speak of numbers, the log below of indexes. */
import { LanestoreError } from '../../errors.js';
import type { Cursor } from '../persistence.js';
import type { LogPlan } from '../planner.js';
import type { LogCodec } from './entries.js';
import type { IndexedWal } from './indexed-wal.js';
import { Serial } from './serial.js';

/** What a log asks for while it applies a plan. */
export interface Applying {
  /** Called before each write; throws when the store is poisoned. */
  guard(): void;
  /** Called after each step that became durable, with the number up to which the log is durable now. */
  durable(next: bigint): void;
}

/** One log, and its durable cursor. */
export class StoredLog<T> {
  /** Everything that concerns this log goes through here. */
  readonly serial = new Serial();
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

  /** Truncates, then appends `frames`, the encoded `plan.append`. Each step is durable before the next one begins. */
  async apply(plan: LogPlan<T>, frames: readonly Uint8Array[], applying: Applying): Promise<void> {
    const { first } = plan.after;
    let next = plan.after.next - BigInt(frames.length);
    if (plan.truncate.first < plan.truncate.next) {
      applying.guard();
      await this.#truncate(plan.truncate, plan.before?.next ?? 0n);
    }
    if (plan.before !== undefined) this.#cursor = { first, next };
    applying.durable(next);
    for (const frame of frames) {
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

  /**
   * Rule 5: the entry that will be the oldest is looked at before anything goes. Counted from `end`,
   * where the log ends: a truncation on a full disk may have left entries in front.
   */
  async #truncate({ first, next }: Cursor, end: bigint): Promise<void> {
    const wal = this.#wal;
    if (wal === undefined || end - first > BigInt(wal.count)) {
      const detail = `the log holds ${wal?.count ?? 0} entries, ${next - first} are to go`;
      throw new LanestoreError('LANESTORE_CORRUPT', detail);
    }
    await wal.truncateBefore(wal.nextIndex - (end - next), (entry) => {
      const found = this.#codec.number?.(entry);
      if (found === next) return;
      throw new LanestoreError('LANESTORE_CORRUPT', `entry ${next} would become the oldest, but there is ${found}`);
    });
  }
}
