/**
 * The commit queue: the one writer of a store (docs/design.md, One writer). What is accepted while a batch is in flight, or in the same
 * tick, becomes the next batch: one write, one sync, however many callers. Everything settles in the order of acceptance.
 *
 * One batch is in flight at a time, so after a crash only the last batch of the log can be one that nobody was told of. Large values are written
 * to value files before their batch, beside the batch before it if there is one (values/write-ahead.ts); the batch is composed meanwhile.
 */
import { WaitList } from '../../../base/waiters.js';
import { LanestoreError } from '../../../errors.js';
import type { LaneId } from '../../../keys/index.js';
import { QueueBudget, type RoomLimits } from '../../backpressure.js';
import { type LargeRound, ValueStage } from '../values/value-stage.js';
import type { ValueStore } from '../values/value-store.js';
import type { BatchBuilder } from './batch.js';
import { applyMaintenance, type Maintenance, touchesAny, type Work } from './work.js';

/** Limits of a queue; those in bytes, of encoded entries. */
export interface QueueLimits extends RoomLimits {
  /** Rounds are merged up to this; a single round may be larger. */
  readonly mergeBytesMax: number;
  /** Rounds are merged up to this many entries and calls; a single round may have more. */
  readonly mergeEntriesMax: number;
  /** Deletes for truncations that one batch takes. */
  readonly deletesMax: number;
}

/** Reads that may wait for the batch in flight to end; those beyond are LANESTORE_CAPACITY. */
export const QUIET_READS_MAX = 4096;

/** When this much waits at the end of a batch, the next one starts before the last one's callers are told. */
const START_AT_ONCE_BYTES = 256 * 1024;

/** What the queue drives. */
export interface QueueDriver {
  /** A builder over the tip of the last durable batch. */
  begin(): BatchBuilder;
  /**
   * Writes and syncs a batch, once the values that it refers to are durable; rejects if they cannot be. When it resolves, the batch is durable, and
   * the next `begin` builds on it.
   */
  write(batch: BatchBuilder, valuesDurable: Promise<void> | undefined): Promise<void>;
  /** Looks for work in the background that durable batches left. Called while nobody waits for it: the disk is busy, or nothing is to be written. */
  tidyUp(): void;
  /** A drop that needs sweeping first: to be done by maintenance; rounds for those lanes wait until the promise resolves. */
  dropSlowly(lanes: readonly LaneId[]): Promise<void>;
  /** A write was rejected; called once, before anything is told. Gives the error that everybody gets. */
  poison(cause: unknown): LanestoreError;
  /** Where large values are written before their batch; absent where all of them stay in LevelDB. */
  readonly values?: ValueStore | undefined;
}

/** Turns of the microtasks without new work after which a tick is taken to have brought all of it. Who awaits `ready()` first takes five. */
const QUIET_TURNS = 8;

/** Called when the work is durable, or with the error when it is not. */
type Settle = (error?: LanestoreError) => void;

interface Item {
  readonly work: Work;
  readonly settle: Settle;
  /** What of it may be separated. */
  readonly large: LargeRound | undefined;
}

/** What goes together in one batch. */
interface Merged {
  bytes: number;
  /** Entries, and one for each call: it is composed and told in one turn of the event loop. */
  weight: number;
}

function add(merged: Merged, { bytes, entries }: Work): void {
  merged.bytes += bytes;
  merged.weight += entries + 1;
}

/** For a failure that somebody else is told of too. */
const noticed = () => undefined;

/** The one writer of a store; see the top of this file. */
export class CommitQueue {
  readonly #driver: QueueDriver;
  readonly #limits: QueueLimits;
  #items: Item[] = [];
  /** What waits; what is in flight has left. */
  readonly #room: QueueBudget;
  /** Accepted and not settled, slow drops included. */
  #unsettled = 0;
  #maintenance: { work: Maintenance; settle: Settle }[] = [];
  readonly #ahead: ValueStage | undefined;
  #aheadScheduled = false;
  /** A batch was composed and is not durable: in LevelDB's hands, or waiting for its values. */
  #inFlight = false;
  /** Lanes of slow drops: rounds for them, and all behind those rounds, wait. */
  readonly #blocked = new Set<LaneId>();
  #running = false;
  #scheduled = false;
  #failed: LanestoreError | undefined;
  #reads: (() => unknown)[] = [];
  readonly #idle = new WaitList('calls of close()');

  constructor(driver: QueueDriver, limits: QueueLimits) {
    this.#driver = driver;
    this.#limits = limits;
    this.#room = new QueueBudget(limits);
    this.#ahead = driver.values === undefined ? undefined : new ValueStage(driver.values);
  }

  /**
   * Accepts work; `settle` is called once, after all that was accepted before.
   * @throws LANESTORE_INVALID for a round that is too large, LANESTORE_CAPACITY when too much waits, or when there is no space for
   * its values; LANESTORE_FAILED. Then nothing was accepted.
   */
  push(work: Work, settle: Settle): void {
    const large = work.kind === 'round' ? this.#ahead?.consider(work.round, work.bytes) : undefined;
    // Preparing space for it may have failed the store: nothing would settle it any more.
    if (this.#failed !== undefined) throw this.#failed;
    this.#room.enter(work.bytes);
    this.#ahead?.accept(large);
    this.#items.push({ work, settle, large });
    this.#unsettled++;
    if (large !== undefined && this.#inFlight) void this.#writeAheadSoon();
    this.#schedule();
  }

  /** Adds maintenance to the next batch. Who asks awaits each before the next. Rejects when the store is poisoned. */
  maintain(work: Maintenance): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failed !== undefined) return reject(this.#failed);
      this.#maintenance.push({ work, settle: (error) => (error === undefined ? resolve() : reject(error)) });
      this.#schedule();
    });
  }

  /**
   * Runs `read` while no batch is in flight, so that it sees whole batches only; the next batch waits for it.
   * @throws LANESTORE_CAPACITY when too many wait already.
   */
  readBetweenBatches<T>(read: () => T | Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#reads.length >= QUIET_READS_MAX) {
        return reject(new LanestoreError('LANESTORE_CAPACITY', `${QUIET_READS_MAX} reads wait already; await some`));
      }
      this.#reads.push(async () => {
        try {
          resolve(await read());
        } catch (error) {
          reject(error);
        }
      });
      this.#schedule();
    });
  }

  /** Resolves when there is room again, see {@link QueueBudget.ready}. Rejects when the store is poisoned or closing. */
  async ready(signal?: AbortSignal): Promise<void> {
    await this.#room.ready(signal);
    await this.#driver.values?.ready(signal);
  }

  /** Resolves when all that was accepted is settled and no batch is in flight. Never rejects. */
  idle(): Promise<void> {
    const idle = this.#idle.wait();
    this.#schedule();
    return idle;
  }

  /** Rejects those who wait for room: the store is closing. */
  refuseWaiters(error: LanestoreError): void {
    this.#room.refuse(error);
    this.#driver.values?.refuse(error);
  }

  /** Rejects everything that waits. What is in flight settles by itself. */
  fail(cause: unknown): LanestoreError {
    const error = this.#driver.poison(cause);
    this.#failed = error;
    for (const item of this.#items.splice(0)) this.#settle(item, error);
    for (const { settle } of this.#maintenance.splice(0)) settle(error);
    this.refuseWaiters(error);
    this.#schedule();
    return error;
  }

  /** Starts the next batch once what comes in this tick is there, without a turn of the event loop. */
  #schedule(): void {
    if (this.#running || this.#scheduled) return;
    this.#scheduled = true;
    void this.#startSoon();
  }

  async #startSoon(): Promise<void> {
    await this.#collect();
    this.#scheduled = false;
    void this.#run();
  }

  /**
   * Resolves after turns of the microtasks that brought nothing new: a tick's calls come from functions that have awaited more or fewer
   * promises. `process.nextTick` would wait for all of them, but costs ten times as much, as rarely used code does after each wait for a disk.
   */
  async #collect(): Promise<void> {
    let seen: number;
    do {
      seen = this.#items.length;
      for (let turn = 0; turn < QUIET_TURNS; turn++) await undefined;
    } while (this.#items.length !== seen);
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    for (const read of this.#reads.splice(0)) await read();
    const writing = this.#failed === undefined ? this.#writeAhead() : undefined;
    if (writing !== undefined) await writing.catch((cause) => this.fail(cause));
    const taken = this.#failed === undefined ? this.#takeOrFail() : undefined;
    if (taken === undefined) {
      this.#running = false;
      this.#driver.tidyUp();
      // Asked for while the other readers had their turn: nothing else would start them.
      if (this.#reads.length > 0) this.#schedule();
      this.#tellIdle();
      return;
    }
    const { batch, settles } = taken;
    let error: LanestoreError | undefined;
    if (batch.isEmpty) {
      // This may run inside of the batch before, whose callers are told first.
      await undefined;
    } else {
      try {
        this.#inFlight = true;
        const valuesDurable = this.#ahead?.durable?.then(() => this.#refuseIfFailed());
        const written = this.#driver.write(batch, valuesDurable);
        if (valuesDurable === undefined) this.#writeAhead();
        else void valuesDurable.then(() => this.#writeAheadInFlight(), noticed);
        this.#driver.tidyUp();
        await written;
      } catch (cause) {
        error = this.#driver.poison(cause);
      } finally {
        this.#inFlight = false;
      }
    }
    this.#running = false;
    // Enough waits to keep the disk busy: then it is started before callers are told of this batch. Otherwise they are told first, and what
    // they submit next joins the batch that starts once they had their turn.
    if (error === undefined && this.#room.bytes >= START_AT_ONCE_BYTES) void this.#run();
    for (const settle of settles) settle(error);
    // The callers of a failed batch are told before all behind it.
    if (error !== undefined) this.fail(error);
    // One turn for the promise of the store, one for its caller.
    await undefined;
    await undefined;
    // Space is prepared behind a batch, not beside its sync.
    this.#driver.values?.kick();
    this.#schedule();
  }

  /** Begins to write the values of what waits, if it is worth it. Resolves when it is known where those that are on their way will be. */
  #writeAhead(): Promise<void> | undefined {
    return this.#ahead?.write(() => this.#waitingLarge());
  }

  /** The same once this tick is over, so that what comes in one tick goes together. */
  async #writeAheadSoon(): Promise<void> {
    if (this.#aheadScheduled) return;
    this.#aheadScheduled = true;
    await this.#collect();
    this.#aheadScheduled = false;
    this.#writeAheadInFlight();
  }

  /** LevelDB is not told of anything more once those behind have heard that the store failed. */
  #refuseIfFailed(): void {
    if (this.#failed !== undefined) throw this.#failed;
  }

  /** The same, if a batch is on its way: otherwise they go with the batch that is about to be composed. */
  #writeAheadInFlight(): void {
    if (this.#inFlight && this.#failed === undefined) this.#writeAhead();
  }

  /** The rounds with large records that will go together, as far as can be told; none while a group that has its places waits for its turn. */
  #waitingLarge(): LargeRound[] {
    const rounds: LargeRound[] = [];
    const merged: Merged = { bytes: 0, weight: 0 };
    for (const { work, large } of this.#items) {
      if (this.#isBlocked(work) || large?.state === 'placed' || !this.#fits(merged, work)) break;
      add(merged, work);
      if (large?.state === 'waiting') rounds.push(large);
    }
    return rounds;
  }

  /** Composing cannot fail on checked input; if it does, nobody must wait for ever. */
  #takeOrFail(): { batch: BatchBuilder; settles: Settle[] } | undefined {
    try {
      return this.#take();
    } catch (cause) {
      this.fail(cause);
      return undefined;
    }
  }

  /** Fills a batch from the head of the queue. */
  #take(): { batch: BatchBuilder; settles: Settle[] } | undefined {
    const batch = this.#driver.begin();
    const settles: Settle[] = [];
    // What a slow drop asks for that begins just now is for the next batch.
    for (const { work, settle } of this.#maintenance.splice(0)) {
      applyMaintenance(batch, work);
      settles.push(settle);
    }
    const merged: Merged = { bytes: 0, weight: 0 };
    let count = 0;
    /** Of large records that would go into LevelDB. */
    let looseBytes = 0;
    for (const item of this.#items) {
      const { work, large } = item;
      if (this.#isBlocked(work)) break;
      if (work.kind === 'round') {
        if (!this.#fits(merged, work)) break;
        if (large?.state === 'waiting') looseBytes += large.bytes;
        // Together these are worth separating: they make up the next batch.
        if (count > 0 && looseBytes > 0 && this.#ahead?.isEnough(looseBytes)) break;
        batch.round(work.round);
        settles.push((error) => this.#settle(item, error));
      } else if (batch.canDrop(work.lanes)) {
        for (const lane of work.lanes) batch.drop(lane);
        settles.push((error) => this.#settle(item, error));
      } else {
        this.#startSlowDrop(item, work.lanes);
      }
      add(merged, work);
      count++;
    }
    this.#items.splice(0, count);
    this.#room.leave(merged.bytes, count);
    return settles.length === 0 && count === 0 ? undefined : { batch, settles };
  }

  /** True if a round goes with those that are merged already; the first one always does. */
  #fits(merged: Merged, { bytes, entries }: Work): boolean {
    const { mergeBytesMax, mergeEntriesMax } = this.#limits;
    if (merged.bytes > 0 && merged.bytes + bytes > mergeBytesMax) return false;
    return merged.weight === 0 || merged.weight + entries < mergeEntriesMax;
  }

  #isBlocked(work: Work): boolean {
    return this.#blocked.size > 0 && touchesAny(work, this.#blocked);
  }

  #startSlowDrop(item: Item, lanes: readonly LaneId[]): void {
    for (const lane of lanes) this.#blocked.add(lane);
    const finish = (error?: LanestoreError) => {
      for (const lane of lanes) this.#blocked.delete(lane);
      this.#settle(item, error);
      this.#schedule();
    };
    this.#driver.dropSlowly(lanes).then(
      () => finish(),
      (error: LanestoreError) => finish(error),
    );
  }

  #settle(item: Item, error: LanestoreError | undefined): void {
    this.#unsettled--;
    item.large?.release();
    item.settle(error);
  }

  #tellIdle(): void {
    if (this.#unsettled > 0) return;
    this.#idle.release();
  }
}
