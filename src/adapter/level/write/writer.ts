/**
 * Writes batches: compose -> values -> batch + sync -> witness -> tip.
 *
 * Values are the first of two stages. While LevelDB syncs one batch, the large values of the next
 * batch's rounds are written. So a batch never waits for values that could already be on disk. The
 * batch itself is composed after the batch before it, against that batch's tip. Placed values are
 * replaced by references.
 *
 * A batch is handed to LevelDB only after all values that it refers to are durable. A crash leaves
 * complete batches, and possibly values without a reference.
 */
import { releaseMemory } from '../../../cbor/arenas.js';
import type { LanestoreError } from '../../../errors.js';
import type { LaneId } from '../../../keys/index.js';
import type { LocationGuard } from '../../location-guard.js';
import type { Engine, FilledBatch } from '../engine.js';
import type { Operation } from '../format/operation.js';
import type { Tip } from '../format/tip.js';
import { type StoredVotes, votesEncoder } from '../format/votes.js';
import type { Witness } from '../format/witness.js';
import type { ValueStore } from '../values/value-store.js';
import type { Accepted, AcceptedRound, Maintenance } from './accepted.js';
import { BatchBuilder, type BatchSettings } from './batch.js';
import { type MeteredStore, meterBatch } from './metered.js';
import type { GroupWriter } from './queue.js';

/** The components of a writer. */
export interface WriterParts {
  readonly engine: Engine;
  /** The tip that was found at open. */
  readonly tip: Tip;
  /** The votes that were found at open. */
  readonly votes: StoredVotes;
  readonly batches: BatchSettings;
  /**
   * Checked for each batch, before any call of the batch settles. Absent for a caller's database.
   */
  readonly guard?: LocationGuard | undefined;
  /**
   * Written for each batch once it is durable, before any call of the batch settles. Absent for a
   * caller's database.
   */
  readonly witness?: Pick<Witness, 'fill' | 'leaveIfShared' | 'flushDisk' | 'write'> | undefined;
  /** Absent where all values stay in LevelDB. */
  readonly values?: ValueStore | undefined;
  readonly metered: MeteredStore;
  /** The label of the store in metrics. */
  readonly store: string;
  /** Drops lanes in background steps; no call may name them until it resolves. */
  readonly dropSlowly: (lanes: readonly LaneId[]) => Promise<void>;
}

/** For a rejection that is reported elsewhere too. */
const ignored = () => undefined;

/** The one writer of a store; see the top of this file. */
export class BatchWriter implements GroupWriter<BatchBuilder> {
  readonly #parts: WriterParts;
  #tip: Tip;
  #votes: StoredVotes;
  /** Made ahead, because it copies all cursors. */
  #nextBatch: BatchBuilder | undefined;
  /** The state after the batch in flight, or after the last durable batch. */
  #newest: { readonly tip: Tip; readonly votes: StoredVotes };
  /** The operations of the last batch, if their memory must still be released. */
  #unreleased: readonly Operation[] | undefined;
  /**
   * The calls of the batch under composition, and the bytes of their large records that are not
   * placed yet.
   */
  #calls = 0;
  #unplacedBytes = 0;
  /**
   * The group of rounds whose values are being placed and written. Cleared once they are durable;
   * never cleared after a failure.
   */
  #placed: Promise<void> | undefined;
  #durable: Promise<void> | undefined;
  /**
   * True while placed values wait for their batch to be composed: no further group is placed before
   * that.
   */
  #isAhead = false;
  #failed: LanestoreError | undefined;

  constructor(parts: WriterParts) {
    this.#parts = { ...parts, batches: { ...parts.batches, encodeVotes: votesEncoder() } };
    this.#tip = parts.tip;
    this.#votes = parts.votes;
    this.#newest = parts;
  }

  /** The tip of the last durable batch. */
  get tip(): Tip {
    return this.#tip;
  }

  /** The votes after the last durable batch. */
  get votes(): StoredVotes {
    return this.#votes;
  }

  /**
   * Hands no further batch to LevelDB, not even one that waits for its values: its calls have been
   * rejected with this error.
   */
  fail(error: LanestoreError): void {
    this.#failed ??= error;
    this.#release();
  }

  get prepared(): Promise<void> | undefined {
    return this.#durable;
  }

  /**
   * Begins to write the large values of rounds, if together they are large enough for a value file.
   */
  prepare(rounds: () => readonly AcceptedRound[]): Promise<void> | undefined {
    const { values } = this.#parts;
    if (this.#placed !== undefined || this.#isAhead || values === undefined) return this.#placed;
    if (!values.isEnough(values.waitingBytes)) return undefined;
    const group = rounds();
    let bytes = 0;
    for (const { cost } of group) bytes += cost.largeBytes;
    if (!values.isEnough(bytes)) return undefined;
    this.#placed = this.#place(values, group);
    // Ignored here: the queue awaits it before it composes the next batch.
    this.#placed.catch(ignored);
    return this.#placed;
  }

  begin(steps: readonly Maintenance[]): BatchBuilder {
    const ready = this.#nextBatch;
    this.#nextBatch = undefined;
    this.#calls = 0;
    this.#unplacedBytes = 0;
    const batch = ready?.base === this.#tip ? ready : new BatchBuilder(this.#tip, this.#votes, this.#parts.batches);
    for (const step of steps) batch.maintain(step);
    return batch;
  }

  add(batch: BatchBuilder, call: Accepted): boolean | Promise<void> {
    if (call.kind === 'drop') {
      this.#calls++;
      return batch.drop(call.lanes) || this.#parts.dropSlowly(call.lanes);
    }
    const { largeBytes } = call.cost;
    this.#unplacedBytes += largeBytes;
    // Together these are large enough for a value file: they wait for the next batch, unless this
    // batch is empty.
    const isWorthWaiting = largeBytes > 0 && this.#parts.values?.isEnough(this.#unplacedBytes) === true;
    if (isWorthWaiting && this.#calls > 0) return false;
    this.#calls++;
    batch.round(call.plan);
    return true;
  }

  async write(batch: BatchBuilder): Promise<void> {
    const { engine, witness, values } = this.#parts;
    this.#isAhead = false;
    const { tip, votes, operations } = batch.finish();
    const filled = engine.fill(operations);
    const written =
      this.#durable === undefined
        ? this.#writeInPlace(filled, operations)
        : this.#writeAfter(this.#durable, filled, operations);
    this.#newest = { tip, votes };
    this.#release();
    if (engine.copies) this.#unreleased = operations;
    // Only what must be done while the disk syncs: on few cores, the thread that writes may run
    // only when this one sleeps.
    const ownWitness = witness?.leaveIfShared();
    // Ignored here: it is awaited below, unless the batch fails first.
    ownWitness?.catch(ignored);
    try {
      await written;
      filled.recycle();
    } catch (error) {
      await filled.discard().catch(ignored);
      throw error;
    }
    if (ownWitness !== undefined) await ownWitness;
    // On macOS LevelDB uses plain fsync, which leaves the batch in the disk's cache. It must be
    // flushed before the witness names the batch.
    if (process.platform === 'darwin') await witness?.flushDisk();
    witness?.write(tip.seq);
    this.#tip = tip;
    this.#votes = votes;
    values?.applied(operations, batch.hasReferences);
  }

  prepareAhead(): void {
    const { engine, batches, witness, guard } = this.#parts;
    const { tip, votes } = this.#newest;
    this.#release();
    if (this.#nextBatch?.base !== tip) this.#nextBatch = new BatchBuilder(tip, votes, batches);
    engine.prepare();
    const isInFlight = tip !== this.#tip;
    witness?.fill(isInFlight ? tip.seq : tip.seq + 1n);
    if (!isInFlight) guard?.checkAhead();
  }

  /** Releases the memory of the last batch that LevelDB has copied. */
  #release(): void {
    const operations = this.#unreleased;
    this.#unreleased = undefined;
    if (operations === undefined) return;
    for (const operation of operations) if (operation.type === 'put') releaseMemory(operation.value);
  }

  /** Prepares disk space; called after a batch, not during its sync. */
  afterBatch(): void {
    this.#parts.values?.kick();
  }

  async #place(values: ValueStore, rounds: readonly AcceptedRound[]): Promise<void> {
    const placed = await values.place(rounds.map(({ plan }) => plan));
    for (const { cost } of rounds) values.leave(cost);
    if (placed === undefined) {
      this.#placed = undefined;
      return;
    }
    this.#isAhead = true;
    this.#durable = placed.durable.then(() => {
      this.#placed = undefined;
      this.#durable = undefined;
    });
    this.#durable.catch(ignored);
  }

  /**
   * Writes the batch after its values are durable; if writing the values fails, the batch is not
   * handed to LevelDB.
   */
  async #writeAfter(values: Promise<void>, filled: FilledBatch, operations: readonly Operation[]): Promise<void> {
    await values;
    if (this.#failed !== undefined) throw this.#failed;
    await this.#writeInPlace(filled, operations);
  }

  /**
   * Hands a batch to LevelDB, and checks that the store is still in its place. Not an async
   * function: its callers would wait for one promise more.
   */
  #writeInPlace(filled: FilledBatch, operations: readonly Operation[]): Promise<void> {
    const { guard, metered, store } = this.#parts;
    try {
      guard?.checkBeforeBatch();
    } catch (error) {
      return Promise.reject(error);
    }
    const written = meterBatch(operations, store, metered, filled);
    try {
      // Checked while the disk syncs.
      guard?.checkBatch();
    } catch (error) {
      return rejected(error, written);
    }
    return written;
  }
}

/** Rejects with `error` once `done` has settled. */
async function rejected(error: unknown, done: Promise<void>): Promise<never> {
  await done.catch(ignored);
  throw error;
}
