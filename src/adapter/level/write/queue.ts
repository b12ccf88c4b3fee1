/**
 * The commit queue: order and grouping (docs/design.md, One writer). Calls accepted in one tick, or
 * while a batch is in flight, become the next batch: one write and one sync for any number of
 * callers. Calls settle in the order of acceptance.
 *
 * One batch is in flight at a time, so after a crash only the last batch of the log can be
 * unacknowledged. Slow work for the next batch is prepared meanwhile; the batch is composed at its
 * turn.
 */
import { WaitList } from '../../../base/waiters.js';
import { LanestoreError } from '../../../errors.js';
import type { LaneId } from '../../../keys/index.js';
import type { AdmissionGate } from '../../backpressure.js';
import { type Accepted, type AcceptedDrop, type AcceptedRound, type Maintenance, namesAny } from './accepted.js';
import { Group } from './group.js';

/** Upper bound of reads that wait for the batch in flight; a further one is LANESTORE_CAPACITY. */
export const QUIET_READS_MAX = 4096;

/** With this many bytes waiting, the next batch starts before the callers of the last resume. */
const START_AT_ONCE_BYTES = 256 * 1024;

/** Microtask turns without a new call that end a tick; `await ready()` first takes five of them. */
const QUIET_TURNS = 8;

/** The writer of batches, as used by the queue. */
export interface GroupWriter<Batch extends { readonly isEmpty: boolean }> {
  /** Begins a batch that builds on the last durable one and contains `steps`. */
  begin(steps: readonly Maintenance[]): Batch;
  /** Adds a call. False: not in this batch. A promise: background steps do it; its lanes wait. */
  add(batch: Batch, call: Accepted): boolean | Promise<void>;
  /** Resolves when the batch is durable. If this rejects, nothing more may be written. */
  write(batch: Batch): Promise<void>;
  /**
   * Begins the slow work of rounds for the next batch, unless an earlier group is being prepared.
   * Resolves when the batch of the prepared group can be composed; undefined without such a group.
   * If it rejects, nothing more may be written.
   */
  prepare(rounds: () => readonly AcceptedRound[]): Promise<void> | undefined;
  /** Settles when {@link prepare} accepts the next group; undefined if it accepts one now. */
  readonly prepared: Promise<void> | undefined;
  /** Called after the calls of a batch have settled. */
  afterBatch(): void;
  /**
   * Prepares what the next batch needs in any case; idempotent. Called when the queue is empty, and
   * when a call arrives during a write.
   */
  prepareAhead(): void;
}

/** Dependencies of a queue. */
export interface QueueParts<Batch extends { readonly isEmpty: boolean }> {
  readonly writer: GroupWriter<Batch>;
  readonly gate: Pick<AdmissionGate, 'dequeue' | 'queuedBytes' | 'limits'>;
  /** Upper bound of bytes in a batch of merged calls; a single call may be larger. */
  readonly mergeBytesMax: number;
  /**
   * Starts background work. Called whenever there is nothing to write, and in each batch that does
   * not follow such a call.
   */
  readonly tidyUp: () => void;
  /** Called when a write fails, before any call is settled with the error; returns that error. */
  readonly poison: (cause: unknown) => LanestoreError;
}

interface Step {
  readonly work: Maintenance;
  readonly settle: (error?: LanestoreError) => void;
}

/** A composed batch, and the steps and calls that settle with it. */
interface Composed<Batch> {
  readonly batch: Batch;
  readonly steps: readonly Step[];
  readonly calls: readonly Accepted[];
  /** The calls that left the queue; slow drops are among them. */
  readonly group: Group;
}

const ignored = () => undefined;

/** Orders and groups the writes of a store; see the top of this file. */
export class CommitQueue<Batch extends { readonly isEmpty: boolean }> {
  readonly #parts: QueueParts<Batch>;
  #calls: Accepted[] = [];
  #steps: Step[] = [];
  #reads: (() => unknown)[] = [];
  /** Number of calls that were accepted and have not settled, slow drops included. */
  #unsettled = 0;
  readonly #slowDrops = new Set<AcceptedDrop>();
  /** Lanes of the slow drops. Calls that name one of them wait, and so do all calls after those. */
  readonly #blocked = new Set<LaneId>();
  /** True while a batch is being written. */
  #isInFlight = false;
  #isRunning = false;
  #isScheduled = false;
  #isPreparationScheduled = false;
  /** True if `tidyUp` was called since the last batch ended. */
  #isTidied = false;
  #failed: LanestoreError | undefined;
  readonly #idle = new WaitList('calls of close()');

  constructor(parts: QueueParts<Batch>) {
    this.#parts = parts;
  }

  /** Queues a call that was admitted. It is settled once, after all calls queued before it. */
  push(call: Accepted): void {
    this.#calls.push(call);
    this.#unsettled++;
    if (this.#isInFlight) {
      if (call.cost.largeBytes > 0) void this.#prepareSoon();
      this.#parts.writer.prepareAhead();
    }
    this.#schedule();
  }

  /** Adds a background step to the next batch. Rejects when the store is poisoned. */
  maintain(work: Maintenance): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failed !== undefined) return reject(this.#failed);
      this.#steps.push({ work, settle: (error) => (error === undefined ? resolve() : reject(error)) });
      this.#schedule();
    });
  }

  /**
   * Runs `read` while no batch is in flight, so that it sees only whole batches.
   * @throws LANESTORE_CAPACITY if too many reads wait already.
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

  /** Resolves when all accepted calls have settled and no batch is in flight. Never rejects. */
  idle(): Promise<void> {
    const idle = this.#idle.wait();
    this.#schedule();
    return idle;
  }

  /** Poisons the store and settles all waiting calls; a batch in flight settles after its write. */
  fail(cause: unknown): LanestoreError {
    const error = this.#parts.poison(cause);
    this.#failed = error;
    // Slow drops were accepted first. One that began while composing failed is still queued.
    const drops = new Set<Accepted>(this.#slowDrops);
    for (const drop of this.#slowDrops) this.#endSlowDrop(drop, error);
    for (const call of this.#calls.splice(0)) if (!drops.has(call)) this.#settle(call, error);
    for (const { settle } of this.#steps.splice(0)) settle(error);
    this.#schedule();
    return error;
  }

  /** Starts the next batch after the calls of this tick, without an event loop turn. */
  #schedule(): void {
    if (this.#isRunning || this.#isScheduled) return;
    this.#isScheduled = true;
    void this.#startSoon();
  }

  async #startSoon(): Promise<void> {
    await this.#collect();
    this.#isScheduled = false;
    void this.#run();
  }

  /**
   * Resolves after turns without a new call: calls of one tick come from functions that awaited
   * different numbers of promises. `process.nextTick` would wait for all of them, but measured 10x
   * slower here: its code is cold after each fsync.
   */
  async #collect(): Promise<void> {
    let seen: number;
    do {
      seen = this.#calls.length;
      for (let turn = 0; turn < QUIET_TURNS; turn++) await undefined;
    } while (this.#calls.length !== seen);
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (const read of this.#reads.splice(0)) await read();
    const preparation = this.#failed === undefined ? this.#prepare() : undefined;
    if (preparation !== undefined) await preparation.catch((cause) => this.fail(cause));
    const composed = this.#failed === undefined ? this.#compose() : undefined;
    if (composed === undefined) {
      this.#isRunning = false;
      this.#parts.tidyUp();
      this.#isTidied = true;
      if (this.#failed === undefined) this.#parts.writer.prepareAhead();
      // Queued while the other reads ran: nothing else would start them.
      if (this.#reads.length > 0) this.#schedule();
      if (this.#unsettled === 0) this.#idle.release();
      return;
    }
    const { batch, steps, calls, group } = composed;
    let error: LanestoreError | undefined;
    try {
      // This may run within the previous batch, whose callers are called back first.
      const written = batch.isEmpty ? undefined : this.#write(batch);
      // Not before: the disk is busy now.
      this.#parts.gate.dequeue(group.bytes, group.calls);
      await written;
    } catch (cause) {
      error = this.#parts.poison(cause);
    } finally {
      this.#isInFlight = false;
    }
    this.#isRunning = false;
    // Unless enough bytes wait, these calls settle first: calls of their callers can then join.
    if (error === undefined && this.#parts.gate.queuedBytes >= START_AT_ONCE_BYTES) void this.#run();
    for (const { settle } of steps) settle(error);
    for (const call of calls) this.#settle(call, error);
    // The calls of a failed batch settle before all later ones.
    if (error !== undefined) this.fail(error);
    // One turn for the promise of the store, one for that of its caller.
    await undefined;
    await undefined;
    this.#parts.writer.afterBatch();
    this.#schedule();
  }

  /** Begins to write a batch. Not an async function: `run` would wait for one promise more. */
  #write(batch: Batch): Promise<void> {
    const { writer, tidyUp } = this.#parts;
    this.#isInFlight = true;
    const written = writer.write(batch);
    const { prepared } = writer;
    if (prepared === undefined) this.#prepare();
    else void prepared.then(() => this.#prepareNext(), ignored);
    if (!this.#isTidied) tidyUp();
    this.#isTidied = false;
    return written;
  }

  #prepare(): Promise<void> | undefined {
    return this.#parts.writer.prepare(() => this.#largeRounds());
  }

  /** Prepares at the end of this tick, so that calls of one tick are prepared together. */
  async #prepareSoon(): Promise<void> {
    if (this.#isPreparationScheduled) return;
    this.#isPreparationScheduled = true;
    await this.#collect();
    this.#isPreparationScheduled = false;
    this.#prepareNext();
  }

  /** Prepares the next batch while one is in flight; otherwise that happens before composing. */
  #prepareNext(): void {
    if (this.#isInFlight && this.#failed === undefined) this.#prepare();
  }

  /** The large rounds of the next batch, as far as known. A drop may make later calls wait. */
  #largeRounds(): AcceptedRound[] {
    const rounds: AcceptedRound[] = [];
    const group = this.#newGroup();
    for (const call of this.#calls) {
      if (call.kind === 'drop' || this.#isBlocked(call) || !group.fits(call.cost)) break;
      group.add(call.cost);
      if (call.cost.largeBytes > 0) rounds.push(call);
    }
    return rounds;
  }

  /**
   * Composes a batch of the steps, then of calls from the head of the queue. This cannot fail on
   * checked input; if it does, every call and step must still settle.
   */
  #compose(): Composed<Batch> | undefined {
    const { writer } = this.#parts;
    // Steps of a slow drop that begins while composing belong in the next batch.
    const steps = this.#steps.splice(0);
    try {
      const batch = writer.begin(steps.map(({ work }) => work));
      const calls: Accepted[] = [];
      const group = this.#newGroup();
      for (const call of this.#calls) {
        if (this.#isBlocked(call) || !group.fits(call.cost)) break;
        const added = writer.add(batch, call);
        if (added === false) break;
        if (added === true) calls.push(call);
        else if (call.kind === 'drop') this.#beginSlowDrop(call, added);
        group.add(call.cost);
      }
      this.#calls.splice(0, group.calls);
      return steps.length === 0 && group.calls === 0 ? undefined : { batch, steps, calls, group };
    } catch (cause) {
      this.#steps.unshift(...steps);
      this.fail(cause);
      return undefined;
    }
  }

  #newGroup(): Group {
    const { gate, mergeBytesMax } = this.#parts;
    return new Group(mergeBytesMax, gate.limits.roundEntriesMax);
  }

  #isBlocked(call: Accepted): boolean {
    return this.#blocked.size > 0 && namesAny(call, this.#blocked);
  }

  #beginSlowDrop(drop: AcceptedDrop, done: Promise<void>): void {
    this.#slowDrops.add(drop);
    for (const lane of drop.lanes) this.#blocked.add(lane);
    done.then(
      () => this.#endSlowDrop(drop),
      (error: LanestoreError) => this.#endSlowDrop(drop, error),
    );
  }

  /** Has an effect once: a failed store ends the drop before its steps settle. */
  #endSlowDrop(drop: AcceptedDrop, error?: LanestoreError): void {
    if (!this.#slowDrops.delete(drop)) return;
    for (const lane of drop.lanes) this.#blocked.delete(lane);
    this.#settle(drop, error);
    this.#schedule();
  }

  #settle(call: Accepted, error?: LanestoreError): void {
    this.#unsettled--;
    call.settle(error);
  }
}
