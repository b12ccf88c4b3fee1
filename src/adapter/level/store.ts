/**
 * The store: a facade over the commit queue, the batch writer, the reader and the background tasks.
 */
import { closeAll } from '../../base/close-stack.js';
import type { LanestoreError } from '../../errors.js';
import { type LaneId, laneId, u64 } from '../../keys/index.js';
import { meter } from '../../metrics/channel.js';
import type { Model } from '../../model/model.js';
import { AdmissionGate, type AdmissionLimits, type Cost, freeOfCost } from '../backpressure.js';
import { BasePersistence } from '../base-persistence.js';
import { fireHooks } from '../hooks.js';
import type { LocationGuard } from '../location-guard.js';
import type { Cursors, DurableHooks, Recovered, VoteState } from '../persistence.js';
import type { PlanState } from '../planner.js';
import { isNoop, type Plan } from '../round-plan.js';
import type { StoreBatch } from '../witness-set.js';
import { closingFailed, writeFailed } from './database.js';
import type { DiskSpace } from './disk-watermark.js';
import type { Engine } from './engine.js';
import type { EncodedRound, LevelEntries, RelocateStep } from './format/step.js';
import type { Tip } from './format/tip.js';
import type { StoredVotes } from './format/votes.js';
import type { Witness } from './format/witness.js';
import type { BatchLimits } from './options.js';
import type { PreflightReport } from './preflight/index.js';
import { checkReadRange, type ReadRange, StoreReader } from './read/reader.js';
import { ValueCollector } from './values/collector.js';
import { ValueReads } from './values/reads.js';
import type { ValueStore } from './values/value-store.js';
import type { Accepted } from './write/accepted.js';
import type { BatchBuilder } from './write/batch.js';
import { PutEncoder, sealRecords, sizeOf } from './write/encode.js';
import { CommitQueue } from './write/queue.js';
import { Reclaimer } from './write/reclaimer.js';
import { Sweeper } from './write/sweeper.js';
import { BatchWriter } from './write/writer.js';

/** What opening found out, besides the entries. */
export interface RecoveryReport {
  /** The number of batches written since the store was created. */
  readonly seq: bigint;
  /**
   * The batch number that the witness proves: everything acknowledged up to this batch is present.
   * Absent if no slot of the witness is intact, or without a location.
   */
  readonly witnessedSeq?: bigint;
  /** The number of live records that were read and checked. */
  readonly records: number;
  /** Bytes of their values. */
  readonly bytes: number;
  /** Milliseconds that reading and checking took, LevelDB's own open not included. */
  readonly checkMs: number;
  /** Milliseconds of the whole open. */
  readonly openMs: number;
  /** The report on LevelDB's files from before LevelDB was opened. Absent without a location. */
  readonly files?: PreflightReport;
  /** Observations that are not damage. */
  readonly notes: readonly string[];
}

/** Upper bound for the key of a delete, the framing of a put, or a lane's cursor in the tip. */
const ENTRY_OVERHEAD_BYTES = 192;

/** Upper bound for the record of votes. */
const VOTES_BYTES = 8 * 1024;
/** Upper bound for a lane's entry in the record of floors. */
const LANE_FLOOR_BYTES = 80;

/** The components of a running store. */
export interface StoreParts<B, Q, A> {
  readonly model: Model<B, Q, A>;
  /** The label of the store in metrics. */
  readonly store: string;
  readonly engine: Engine;
  readonly tip: Tip;
  readonly votes: StoredVotes;
  readonly state: PlanState;
  readonly recovered: Recovered<B, Q, A>;
  readonly report: RecoveryReport;
  readonly limits: AdmissionLimits;
  readonly batches: BatchLimits;
  /** LevelDB's directory; absent for a caller's database. */
  readonly level?: string;
  /**
   * Checked for each batch, before any call of the batch settles. Absent for a caller's database.
   */
  readonly guard?: LocationGuard;
  /** Absent for a caller's database. */
  readonly space?: DiskSpace | undefined;
  /** Value files; absent for a store in a caller's database. */
  readonly values?: ValueStore;
  /**
   * Written for each batch once it is durable, before any call of the batch settles. Absent for a
   * caller's database.
   */
  readonly witness?: Pick<Witness, 'fill' | 'leaveIfShared' | 'flushDisk' | 'write'>;
  /** Frees the resources that the store was opened with. */
  readonly release: () => Promise<void>;
}

/**
 * A node's persistence in one LevelDB: every round is one atomic, synced batch. In addition to the
 * port it reads single entries and ranges. Every entry that it returns is durable and verified
 * (else LANESTORE_CORRUPT with the finding).
 */
export class LevelStore<B, Q, A> extends BasePersistence<B, Q, A, LevelEntries> {
  /** What opening found out, besides the entries. */
  readonly recovery: RecoveryReport;
  readonly #queue: CommitQueue<BatchBuilder>;
  readonly #writer: BatchWriter;
  readonly #space: DiskSpace | undefined;
  readonly #sweeper: Sweeper;
  readonly #values: ValueStore | undefined;
  readonly #collector: ValueCollector | undefined;
  readonly #reclaimer: Reclaimer | undefined;
  readonly #reader: StoreReader<B, Q, A>;
  readonly #guard: LocationGuard | undefined;
  readonly #release: () => Promise<void>;
  readonly #deletesMax: number;

  /** Made by `openLevel`. */
  constructor(parts: StoreParts<B, Q, A>) {
    const { model, store, engine, limits, guard, level, space, values } = parts;
    const { deletesMax } = parts.batches;
    const encoder = new PutEncoder(model, limits.recordBytesMax, values?.settings.enabled);
    const resources = [space, values].filter((resource) => resource !== undefined);
    super(model, encoder, parts.state, new AdmissionGate(limits, resources, store), parts.recovered);
    this.recovery = parts.report;
    this.#deletesMax = deletesMax;
    this.#space = space;
    this.#guard = guard;
    this.#release = parts.release;
    this.#values = values;
    const tip = () => this.#writer.tip;
    const fail = (cause: unknown) => this.#queue.fail(cause);
    this.#writer = new BatchWriter({
      ...parts,
      batches: { deletesMax, lanesRecur: model.votes?.lanesRecur ?? parts.votes.signer !== undefined },
      metered: this,
      dropSlowly: (lanes) => this.#sweeper.drop(lanes),
    });
    this.#queue = new CommitQueue({
      writer: this.#writer,
      gate: this.gate,
      mergeBytesMax: parts.batches.mergeBytesMax,
      tidyUp: () => this.#kick(),
      poison: (cause) => this.#poisoned(cause),
    });
    this.#sweeper = new Sweeper({ store, engine, tip, maintain: (work) => this.#queue.maintain(work), fail });
    this.#reader = new StoreReader(
      {
        engine,
        tip,
        readBetweenBatches: (read) => this.#queue.readBetweenBatches(read),
        reads: () => values?.reads() ?? new ValueReads(undefined),
        assertUsable: () => this.assertReadable(),
        explained: (error) => this.#lossOr(error),
      },
      model,
    );
    if (values !== undefined) {
      const maintain = (step: RelocateStep) => this.#queue.maintain({ kind: 'relocate', step });
      this.#collector = new ValueCollector({ values, tip, maintain, fail });
    }
    guard?.onLost(fail);
    space?.onRefusal((refusal) => this.#refused(refusal));
    if (level !== undefined && space !== undefined) {
      const compact = async (from: string, to: string) => {
        guard?.checkInBackground();
        await engine.compact(from, to);
      };
      const isAwaited = () => this.gate.isAwaited;
      this.#reclaimer = new Reclaimer({ engine: { compact }, level, tip, space, isAwaited, values });
    }
    meter(store, 'lanestore_recovery_seconds', parts.report.openMs / 1000);
    this.#kick();
  }

  override get cursors(): Cursors {
    const { lanes, qc } = this.#writer.tip;
    const cursors = [...lanes].map(([lane, { first, next }]) => [lane, { first, next }] as const);
    return { lanes: new Map(cursors), commitQCs: { first: qc.first, next: qc.next } };
  }

  protected override get durable(): { readonly votes: VoteState; readonly newest: StoreBatch } {
    return { votes: this.#writer.votes, newest: this.#writer.tip };
  }

  protected override heldBlock(lane: LaneId, number: bigint): Promise<B | undefined> {
    return this.#reader.block(lane, number);
  }

  protected override heldInner(): Promise<Uint8Array | undefined> {
    return this.#reader.inner();
  }

  /**
   * Bytes of the separated values that the store holds, and of their files on disk; both 0 while
   * there are none.
   */
  get valueUsage(): { readonly liveBytes: number; readonly fileBytes: number } {
    return this.#values?.usage ?? { liveBytes: 0, fileBytes: 0 };
  }

  /**
   * Free bytes on the store's file system, estimated since the last measurement; undefined in a
   * caller's database, and where the file system reports no free space.
   */
  get freeBytes(): number | undefined {
    const bytes = this.#space?.freeBytes;
    return bytes === Number.POSITIVE_INFINITY ? undefined : bytes;
  }

  /** The number of batches written since creation: the `seq` of the newest durable batch. */
  get seq(): bigint {
    return this.#writer.tip.seq;
  }

  /**
   * The durable block `number` of `lane`, or undefined if the lane does not hold it.
   * @throws LANESTORE_CORRUPT, LANESTORE_IO, LANESTORE_FAILED, LANESTORE_CLOSED.
   */
  async block(lane: LaneId, number: bigint): Promise<B | undefined> {
    return this.#reader.block(laneId(lane), u64(number, 'block number'));
  }

  /**
   * The durable CommitQC of road index `index`, or undefined if the store does not hold it.
   * @throws as {@link block}.
   */
  async commitQC(index: bigint): Promise<Q | undefined> {
    return this.#reader.commitQC(u64(index, 'road index'));
  }

  /**
   * The durable blocks of a lane, ascending, as of the start of the iteration; later rounds do not
   * change the result. `close` ends an unfinished iteration: it then throws LANESTORE_CLOSED.
   * @throws TypeError, LANESTORE_INVALID for an invalid lane or range; while iterating, as {@link
   * block}.
   */
  readBlocks(lane: LaneId, range: ReadRange = {}): AsyncIterableIterator<B> {
    checkReadRange(range, 'readBlocks: range');
    return this.#reader.blocks(laneId(lane), range);
  }

  /** The durable CommitQCs, as {@link readBlocks}. */
  readCommitQCs(range: ReadRange = {}): AsyncIterableIterator<Q> {
    checkReadRange(range, 'readCommitQCs: range');
    return this.#reader.commitQCs(range);
  }

  protected override costOf(plan: EncodedRound): Cost {
    const { bytes, entries, removals, largeBytes, isPrune } = sizeOf(plan, this.#values?.separableBytesMin);
    const tidied = Math.min(entries + removals, this.#deletesMax);
    const floors = plan.votes?.seen === undefined ? 0 : this.#writer.votes.laneFloors.size + 1;
    const votesBytes = plan.votes === undefined ? 0 : VOTES_BYTES + LANE_FLOOR_BYTES * floors;
    const diskBytes =
      entries === 0 && isNoop(plan) ? 0 : bytes + votesBytes + this.#tipBytes + ENTRY_OVERHEAD_BYTES * tidied;
    return { bytes, entries, diskBytes, isPrune, largeBytes };
  }

  protected override costOfDrop(): Cost {
    const floorsBytes = LANE_FLOOR_BYTES * (this.#writer.votes.laneFloors.size + this.#writer.tip.lanes.size);
    return { ...freeOfCost(), diskBytes: this.#tipBytes + floorsBytes };
  }

  protected override accept(
    plan: Plan<B, Q, A, LevelEntries>,
    hooks: DurableHooks<B, Q, A>,
    cost: Cost,
  ): Promise<void> {
    sealRecords(plan, this.#values?.settings.enabled === true);
    return new Promise((resolve, reject) => {
      const settle: Accepted['settle'] = (error) => {
        this.gate.settle(cost);
        if (error !== undefined) return reject(error);
        const failed = fireHooks(plan.notify, hooks);
        if (failed !== undefined) reject(failed.thrown);
        else resolve();
      };
      this.#queue.push({ kind: 'round', plan, cost, settle });
    });
  }

  protected override acceptDrop(lanes: readonly LaneId[], cost: Cost): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle: Accepted['settle'] = (error) => {
        this.gate.settle(cost);
        if (error === undefined) resolve();
        else reject(error);
      };
      this.#queue.push({ kind: 'drop', lanes, cost, settle });
    });
  }

  protected override async shutdown(): Promise<void> {
    try {
      await closeAll([
        // Before the value files are closed: a later store may write to them, and a read would
        // report that as damage.
        () => Promise.all([this.#reader.close(), this.#queue.idle()]),
        () => this.#queue.idle(),
        () => this.#sweeper.stop(),
        () => this.#collector?.stop(),
        () => this.#reclaimer?.stop(),
        () => this.#queue.idle(),
        () => this.#values?.close(),
        this.#release,
      ]);
    } catch (error) {
      throw closingFailed(error);
    }
  }

  /**
   * The error to throw for a round that was refused for lack of disk space. Starts reclaiming the
   * space of pruned entries.
   */
  #refused(refusal: LanestoreError): LanestoreError {
    // The full disk may be another one than the store's.
    const explained = this.#lossOr(refusal);
    if (explained === refusal) this.#reclaimer?.refused();
    return explained;
  }

  /** Returns `error`, unless the location was lost: then the store fails with that loss. */
  #lossOr(error: LanestoreError): LanestoreError {
    const lost = this.#guard?.loss();
    return lost === undefined ? error : this.#queue.fail(lost);
  }

  /** Bytes that the tip and LevelDB's framing add to a batch. Upper bound. */
  get #tipBytes(): number {
    return 4096 + ENTRY_OVERHEAD_BYTES * this.#writer.tip.lanes.size;
  }

  #poisoned(cause: unknown): LanestoreError {
    const error = this.poison(writeFailed(this.#guard?.loss() ?? cause));
    this.#writer.fail(error);
    return error;
  }

  #kick(): void {
    this.#sweeper.kick();
    this.#collector?.kick();
    this.#reclaimer?.kick();
  }
}
