/**
 * The commit queue: order and grouping (docs/design.md, One writer). Calls that are accepted while a batch is in flight, or in the same tick,
 * become the next batch: one write, one sync, however many callers. Calls settle in the order of acceptance.
 *
 * One batch is in flight at a time, so after a crash only the last batch of the log can be one that was not acknowledged. What
 * takes long for the next batch is prepared while one is in flight; the batch itself is composed at its turn.
 */
import { WaitList } from '../../../base/waiters.js';
import { LanestoreError } from '../../../errors.js';
import type { LaneId } from '../../../keys/index.js';
import type { AdmissionGate, Cost } from '../../backpressure.js';
import { type Accepted, type AcceptedDrop, type AcceptedRound, type Maintenance, namesAny } from './accepted.js';

/** Reads that may wait for the batch in flight to end; those beyond are LANESTORE_CAPACITY. */
export const QUIET_READS_MAX = 4096;

/** When this much waits at the end of a batch, the next one starts before the callers of the last one are called back. */
const START_AT_ONCE_BYTES = 256 * 1024;

/** Turns of the microtasks without new calls after which a tick is taken to have brought all of them. A caller that awaits `ready()` first takes five. */
const QUIET_TURNS = 8;

/** The writer of batches, as the queue sees it. */
export interface GroupWriter<Batch extends { readonly isEmpty: boolean }> {
  /** Begins a batch after the last durable one, with steps of the background. */
  begin(steps: readonly Maintenance[]): Batch;
  /**
   * Adds a call to a batch. False: it goes with the next batch. A promise: steps of the background do it; calls that name its
   * lanes must wait until it settles.
   */
  add(batch: Batch, call: Accepted): boolean | Promise<void>;
  /** The batch is durable when this resolves, and the next {@link begin} builds on it. When it rejects, nothing more may be written. */
  write(batch: Batch): Promise<void>;
  /**
   * Begins what takes long for rounds that go together in the next batch, unless an earlier group is being prepared. Resolves when
   * the batch of the group that is being prepared can be composed; undefined if there is none. When it rejects, nothing more may be written.
   */
  prepare(rounds: () => readonly AcceptedRound[]): Promise<void> | undefined;
  /** Settles when {@link prepare} takes the next group; undefined if it takes one now. */
  readonly prepared: Promise<void> | undefined;
  /** Called after the calls of a batch have settled. */
  afterBatch(): void;
}

/** What a queue works with. */
export interface QueueParts<Batch extends { readonly isEmpty: boolean }> {
  readonly writer: GroupWriter<Batch>;
  readonly gate: Pick<AdmissionGate, 'dequeue' | 'queuedBytes' | 'limits'>;
  /** Bytes up to which calls are merged into a batch; a single call may have more. */
  readonly mergeBytesMax: number;
  /** Looks for work of the background. Called when no call waits for it: while the disk is busy, or when nothing is to be written. */
  readonly tidyUp: () => void;
  /** A write failed: called before any call is settled with the error, and gives that error. */
  readonly poison: (cause: unknown) => LanestoreError;
}

/** What one batch merges: bounded, because it is composed, and its calls are settled, in one turn of the event loop. */
class Group {
  bytes = 0;
  calls = 0;
  /** Entries, and one for each call. */
  #weight = 0;
  readonly #bytesMax: number;
  readonly #weightMax: number;

  constructor(bytesMax: number, weightMax: number) {
    this.#bytesMax = bytesMax;
    this.#weightMax = weightMax;
  }

  /** True if a call goes with those that are in the group; the first one always does. */
  fits({ bytes, entries }: Cost): boolean {
    if (this.bytes > 0 && this.bytes + bytes > this.#bytesMax) return false;
    return this.#weight === 0 || this.#weight + entries < this.#weightMax;
  }

  add({ bytes, entries }: Cost): void {
    this.bytes += bytes;
    this.calls++;
    this.#weight += entries + 1;
  }
}

interface Step {
  readonly work: Maintenance;
  readonly settle: (error?: LanestoreError) => void;
}

/** A batch in the making, and what settles with it. */
interface Composed<Batch> {
  readonly batch: Batch;
  readonly steps: readonly Step[];
  readonly calls: readonly Accepted[];
}

/** For a rejection that is reported elsewhere too. */
const ignored = () => undefined;

/** Orders and groups what a store writes; see the top of this file. */
export class CommitQueue<Batch extends { readonly isEmpty: boolean }> {
  readonly #parts: QueueParts<Batch>;
  #calls: Accepted[] = [];
  #steps: Step[] = [];
  #reads: (() => unknown)[] = [];
  /** Accepted and not settled, slow drops included. */
  #unsettled = 0;
  readonly #slowDrops = new Set<AcceptedDrop>();
  /** Their lanes: calls that name one, and all calls after those, wait. */
  readonly #blocked = new Set<LaneId>();
  /** A batch was composed and is not durable. */
  #isInFlight = false;
  #isRunning = false;
  #isScheduled = false;
  #isPreparationScheduled = false;
  #failed: LanestoreError | undefined;
  readonly #idle = new WaitList('calls of close()');

  constructor(parts: QueueParts<Batch>) {
    this.#parts = parts;
  }

  /** Queues a call that was admitted. It is settled once, after all that were queued before. */
  push(call: Accepted): void {
    this.#calls.push(call);
    this.#unsettled++;
    if (this.#isInFlight && call.cost.largeBytes > 0) void this.#prepareSoon();
    this.#schedule();
  }

  /** Adds a step of the background to the next batch; its caller awaits each before the next. Rejects when the store is poisoned. */
  maintain(work: Maintenance): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#failed !== undefined) return reject(this.#failed);
      this.#steps.push({ work, settle: (error) => (error === undefined ? resolve() : reject(error)) });
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

  /** Resolves when all that was accepted is settled and no batch is in flight. Never rejects. */
  idle(): Promise<void> {
    const idle = this.#idle.wait();
    this.#schedule();
    return idle;
  }

  /** Poisons the store, and settles all that waits with the error. A batch in flight settles by itself. */
  fail(cause: unknown): LanestoreError {
    const error = this.#parts.poison(cause);
    this.#failed = error;
    // Slow drops were accepted before the calls that wait for them. One that began while composing failed is still queued.
    const drops = new Set<Accepted>(this.#slowDrops);
    for (const drop of this.#slowDrops) this.#endSlowDrop(drop, error);
    for (const call of this.#calls.splice(0)) if (!drops.has(call)) this.#settle(call, error);
    for (const { settle } of this.#steps.splice(0)) settle(error);
    this.#schedule();
    return error;
  }

  /** Starts the next batch once the calls of this tick are there, without a turn of the event loop. */
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
   * Resolves after turns of the microtasks that brought nothing new: a tick's calls come from functions that have awaited more or fewer
   * promises. `process.nextTick` would wait for all of them, but measured 10x slower here: its code is cold after each fsync.
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
    const composed = this.#failed === undefined ? this.#composeOrFail() : undefined;
    if (composed === undefined) {
      this.#isRunning = false;
      this.#parts.tidyUp();
      // Asked for while the other readers had their turn: nothing else would start them.
      if (this.#reads.length > 0) this.#schedule();
      if (this.#unsettled === 0) this.#idle.release();
      return;
    }
    const { batch, steps, calls } = composed;
    // This may run inside of the batch before, whose callers are called back first.
    const error = batch.isEmpty ? await undefined : await this.#write(batch);
    this.#isRunning = false;
    // Enough waits to keep the disk busy: then the next batch starts before this one's calls settle. Otherwise they settle first, and
    // what their callers submit next joins the batch that starts once they had their turn.
    if (error === undefined && this.#parts.gate.queuedBytes >= START_AT_ONCE_BYTES) void this.#run();
    for (const { settle } of steps) settle(error);
    for (const call of calls) this.#settle(call, error);
    // The calls of a failed batch settle before all later ones.
    if (error !== undefined) this.fail(error);
    // One turn for the promise of the store, one for its caller.
    await undefined;
    await undefined;
    this.#parts.writer.afterBatch();
    this.#schedule();
  }

  /** Writes a batch; gives the error if it fails. */
  async #write(batch: Batch): Promise<LanestoreError | undefined> {
    const { writer, tidyUp, poison } = this.#parts;
    try {
      this.#isInFlight = true;
      const written = writer.write(batch);
      const { prepared } = writer;
      if (prepared === undefined) this.#prepare();
      else void prepared.then(() => this.#prepareNext(), ignored);
      tidyUp();
      await written;
      return undefined;
    } catch (cause) {
      return poison(cause);
    } finally {
      this.#isInFlight = false;
    }
  }

  #prepare(): Promise<void> | undefined {
    return this.#parts.writer.prepare(() => this.#largeRounds());
  }

  /** Prepares once this tick is over, so that what comes in one tick goes together. */
  async #prepareSoon(): Promise<void> {
    if (this.#isPreparationScheduled) return;
    this.#isPreparationScheduled = true;
    await this.#collect();
    this.#isPreparationScheduled = false;
    this.#prepareNext();
  }

  /** Prepares the next batch while one is in flight: otherwise that is done when the batch is about to be composed. */
  #prepareNext(): void {
    if (this.#isInFlight && this.#failed === undefined) this.#prepare();
  }

  /** The large rounds that will go together in the next batch, as far as is known. A drop may make later calls wait: none after it. */
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

  /** Composing cannot fail on checked input; if it does, every call and step must settle all the same. */
  #composeOrFail(): Composed<Batch> | undefined {
    // What a slow drop that begins meanwhile asks for is for the next batch.
    const steps = this.#steps.splice(0);
    try {
      return this.#compose(steps);
    } catch (cause) {
      this.#steps.unshift(...steps);
      this.fail(cause);
      return undefined;
    }
  }

  /** Fills a batch with steps, then from the head of the queue. */
  #compose(steps: readonly Step[]): Composed<Batch> | undefined {
    const { writer, gate } = this.#parts;
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
    gate.dequeue(group.bytes, group.calls);
    return steps.length === 0 && group.calls === 0 ? undefined : { batch, steps, calls };
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

  /** Once: a failed store ends it before its steps do. */
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
