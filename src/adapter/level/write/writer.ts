/**
 * Writes batches: compose -> values -> batch + sync -> witness -> tip.
 *
 * Values are the first of two stages. While one batch is synced in LevelDB, the values of the
 * rounds that make up the next one are written, so that a batch never waits for large values that
 * could have been on disk already. The batch itself is composed at its turn, against the tip that
 * it builds on, from rounds as they were encoded, with references in place of values that have
 * their places.
 *
 * LevelDB is given a batch only once all values that it refers to are durable. A crash leaves whole
 * batches, and values that no record refers to.
 */
import { releaseMemory } from '../../../cbor/arenas.js';
import type { LanestoreError } from '../../../errors.js';
import type { LaneId } from '../../../keys/index.js';
import type { LocationGuard } from '../../location-guard.js';
import type { Engine, FilledBatch } from '../engine.js';
import type { Operation } from '../format/operation.js';
import type { Tip } from '../format/tip.js';
import type { StoredVotes } from '../format/votes.js';
import type { Witness } from '../format/witness.js';
import type { ValueStore } from '../values/value-store.js';
import type { Accepted, AcceptedRound, Maintenance } from './accepted.js';
import { BatchBuilder, type BatchSettings } from './batch.js';
import { type MeteredStore, meterBatch } from './metered.js';
import type { GroupWriter } from './queue.js';

/** What a writer works with. */
export interface WriterParts {
  readonly engine: Engine;
  /** The tip that was found at open. */
  readonly tip: Tip;
  /** The votes that were found at open. */
  readonly votes: StoredVotes;
  readonly batches: BatchSettings;
  /**
   * Looked at with each batch, before anything of it settles. Absent for a database of the
   * caller's.
   */
  readonly guard?: LocationGuard | undefined;
  /**
   * Written for each batch once it is durable, before anything of it settles. Absent for a database
   * of the caller's.
   */
  readonly witness?: Pick<Witness, 'prepare' | 'flushDisk' | 'write'> | undefined;
  /** Absent where all values stay in LevelDB. */
  readonly values?: ValueStore | undefined;
  readonly metered: MeteredStore;
  /** Drops lanes by steps of the background; no call may name them until it resolves. */
  readonly dropSlowly: (lanes: readonly LaneId[]) => Promise<void>;
}

/** For a rejection that is reported elsewhere too. */
const ignored = () => undefined;

/** The one writer of a store; see the top of this file. */
export class BatchWriter implements GroupWriter<BatchBuilder> {
  readonly #parts: WriterParts;
  #tip: Tip;
  #votes: StoredVotes;
  /** Made while the batch before it is on its way: it copies all cursors. */
  #nextBatch: BatchBuilder | undefined;
  /**
   * Of the batch that is being composed: its calls, and bytes of their large records that have no
   * place.
   */
  #calls = 0;
  #unplacedBytes = 0;
  /**
   * The group of rounds whose values are being placed and written: until they are durable, or for
   * good once that has failed.
   */
  #placed: Promise<void> | undefined;
  #durable: Promise<void> | undefined;
  /** Values were placed whose batch is not composed yet: no further group is placed before. */
  #isAhead = false;
  #failed: LanestoreError | undefined;

  constructor(parts: WriterParts) {
    this.#parts = parts;
    this.#tip = parts.tip;
    this.#votes = parts.votes;
  }

  /** The tip of the last durable batch. */
  get tip(): Tip {
    return this.#tip;
  }

  /** The votes as the last durable batch left them. */
  get votes(): StoredVotes {
    return this.#votes;
  }

  /**
   * LevelDB is given nothing more, not even a batch that waits for its values: later calls have
   * been settled with this error.
   */
  fail(error: LanestoreError): void {
    this.#failed ??= error;
  }

  get prepared(): Promise<void> | undefined {
    return this.#durable;
  }

  /** Begins to write the large values of rounds, if together they are worth a value file. */
  prepare(rounds: () => readonly AcceptedRound[]): Promise<void> | undefined {
    const { values } = this.#parts;
    if (this.#placed !== undefined || this.#isAhead || values === undefined) return this.#placed;
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
    // Together these are worth a value file: they go with the next batch, unless the batch is
    // empty.
    const isWorthWaiting = largeBytes > 0 && this.#parts.values?.isEnough(this.#unplacedBytes) === true;
    if (isWorthWaiting && this.#calls > 0) return false;
    this.#calls++;
    batch.round(call.plan);
    return true;
  }

  async write(batch: BatchBuilder): Promise<void> {
    const { engine, witness, values, batches } = this.#parts;
    this.#isAhead = false;
    const { tip, votes, operations } = batch.finish();
    const filled = engine.fill(operations);
    const written =
      this.#durable === undefined
        ? this.#writeInPlace(filled, operations)
        : this.#writeAfter(this.#durable, filled, operations);
    // The disk is at work now: what can be done meanwhile is not done when callers wait for it.
    if (engine.copies) for (const operation of operations) if (operation.type === 'put') releaseMemory(operation.value);
    this.#nextBatch = new BatchBuilder(tip, votes, batches);
    const ownWitness = witness?.prepare(tip.seq);
    // Ignored here: it is awaited below, unless the batch fails first.
    ownWitness?.catch(ignored);
    await written;
    if (ownWitness !== undefined) await ownWitness;
    // LevelDB syncs by plain fsync there, which leaves the batch in the disk's cache. Before the
    // witness names it.
    if (process.platform === 'darwin') await witness?.flushDisk();
    witness?.write(tip.seq);
    this.#tip = tip;
    this.#votes = votes;
    values?.applied(operations, batch.hasReferences);
  }

  /** Prepares space: after a batch, not while it is synced. */
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

  /** Once values are durable; if they cannot be, LevelDB is not given the batch. */
  async #writeAfter(values: Promise<void>, filled: FilledBatch, operations: readonly Operation[]): Promise<void> {
    try {
      await values;
      if (this.#failed !== undefined) throw this.#failed;
    } catch (cause) {
      await filled.discard().catch(ignored);
      throw cause;
    }
    await this.#writeInPlace(filled, operations);
  }

  /** Hands a batch to LevelDB, in the place that the store was opened in. */
  async #writeInPlace(filled: FilledBatch, operations: readonly Operation[]): Promise<void> {
    const { guard, metered } = this.#parts;
    try {
      guard?.checkBeforeBatch();
    } catch (error) {
      await filled.discard();
      throw error;
    }
    const written = meterBatch(operations, metered, () => filled.write());
    try {
      // While the disk is at work.
      guard?.checkBatch();
    } catch (error) {
      await written.catch(ignored);
      throw error;
    }
    await written;
  }
}
