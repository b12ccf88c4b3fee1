/** The store: planner, commit queue, witness, sweeper and reader, put together over one engine. */
import { closeAll } from '../../base/close-stack.js';
import { messageOf } from '../../base/permission-model.js';
import { releaseMemory } from '../../cbor/arenas.js';
import { LanestoreError } from '../../errors.js';
import { type LaneId, laneId, u64 } from '../../keys/index.js';
import { meter } from '../../metrics/channel.js';
import type { Model } from '../../model/model.js';
import type { PlanLimits } from '../backpressure.js';
import { BasePersistence } from '../base-persistence.js';
import { fireHooks, type HookFailure } from '../hooks.js';
import type { LocationGuard } from '../location-guard.js';
import type { Cursors, DurableHooks, Recovered } from '../persistence.js';
import type { PlanState } from '../planner.js';
import { isNoop, type Plan } from '../round-plan.js';
import type { DiskSpace } from './disk-watermark.js';
import type { Engine, FilledBatch } from './engine.js';
import type { Operation } from './format/operation.js';
import type { EncodedRound, LevelEntries } from './format/step.js';
import type { Tip } from './format/tip.js';
import type { Witness } from './format/witness.js';
import type { PreflightReport } from './preflight/index.js';
import { checkReadRange, type ReadRange, StoreReader } from './read/reader.js';
import { ValueCollector } from './values/collector.js';
import { ValueReads } from './values/reads.js';
import type { ValueStore } from './values/value-store.js';
import { BatchBuilder } from './write/batch.js';
import { PutEncoder, type RoundSize, sizeOf } from './write/encode.js';
import { meterBatch } from './write/metered.js';
import { CommitQueue, type QueueLimits } from './write/queue.js';
import { Reclaimer } from './write/reclaimer.js';
import { Sweeper } from './write/sweeper.js';
import type { Work } from './write/work.js';

/** What opening found out, beside the entries. */
export interface RecoveryReport {
  /** Batches that the store has written since its creation. */
  readonly seq: bigint;
  /** What the witness proves: everything acknowledged up to this batch is there. Absent without a whole slot, or without a location. */
  readonly witnessedSeq?: bigint;
  /** Live records that were read and checked. */
  readonly records: number;
  /** Bytes of their values. */
  readonly bytes: number;
  /** Milliseconds that reading and checking took, LevelDB's own open not included. */
  readonly checkMs: number;
  /** Milliseconds of the whole open. */
  readonly openMs: number;
  /** What was read of LevelDB's files before LevelDB was opened. Absent without a location. */
  readonly files?: PreflightReport;
  /** What was noticed and is no damage. */
  readonly notes: readonly string[];
}

/** A delete's key, a put's framing, or a lane's cursor in the tip, at most. */
const ENTRY_OVERHEAD_BYTES = 192;

/** What a store runs on. */
export interface StoreParts<B, Q, A> {
  readonly model: Model<B, Q, A>;
  readonly engine: Engine;
  readonly tip: Tip;
  readonly state: PlanState;
  readonly recovered: Recovered<B, Q, A>;
  readonly report: RecoveryReport;
  readonly limits: QueueLimits;
  readonly planLimits: PlanLimits;
  /** LevelDB's directory; absent for a database of the caller's. */
  readonly level?: string;
  /** Looked at beside each batch, before anything of it settles. Absent for a database of the caller's. */
  readonly guard?: LocationGuard;
  /** Absent for a database of the caller's. */
  readonly space?: DiskSpace | undefined;
  /** Value files; absent for a store in a caller's database. */
  readonly values?: ValueStore;
  /** Told of each seq while its batch is written, and once it is durable, before anything of it settles. Absent for a database of the caller's. */
  readonly witness?: Pick<Witness, 'prepare' | 'write'>;
  /** Frees what the store was opened on. */
  readonly release: () => Promise<void>;
}

/**
 * A node's persistence in one LevelDB: every round is one atomic, synced batch. Beside the port it reads what it holds; what it
 * reads is durable and verified (LANESTORE_CORRUPT with the finding otherwise).
 */
export class LevelStore<B, Q, A> extends BasePersistence<B, Q, A, LevelEntries> {
  /** What opening found out, beside the entries. */
  readonly recovery: RecoveryReport;
  readonly #engine: Engine;
  readonly #queue: CommitQueue;
  readonly #space: DiskSpace | undefined;
  readonly #sweeper: Sweeper;
  readonly #values: ValueStore | undefined;
  readonly #collector: ValueCollector | undefined;
  readonly #reclaimer: Reclaimer | undefined;
  readonly #reader: StoreReader<B, Q, A>;
  readonly #witness: StoreParts<B, Q, A>['witness'];
  readonly #guard: LocationGuard | undefined;
  readonly #release: () => Promise<void>;
  readonly #deletesMax: number;
  /** The tip of the last durable batch. */
  #tip: Tip;
  /** Made while the batch before it is on its way: it copies all cursors. */
  #nextBatch: BatchBuilder | undefined;

  /** Use `openLevel`. */
  constructor(parts: StoreParts<B, Q, A>) {
    const separates = parts.values?.settings.enabled ?? false;
    const encoder = new PutEncoder(parts.model, parts.limits.recordBytesMax, separates);
    super(parts.model, encoder, parts.state, parts.planLimits, parts.recovered);
    this.recovery = parts.report;
    this.#engine = parts.engine;
    this.#tip = parts.tip;
    this.#deletesMax = parts.limits.deletesMax;
    this.#space = parts.space;
    this.#witness = parts.witness;
    this.#guard = parts.guard;
    this.#release = parts.release;
    this.#values = parts.values;
    this.#queue = new CommitQueue(
      {
        begin: () => this.#begin(),
        write: (batch, valuesDurable) => this.#write(batch, valuesDurable),
        tidyUp: () => this.#kick(),
        dropSlowly: (lanes) => this.#sweeper.drop(lanes),
        poison: (cause) => this.#poisoned(cause),
        values: parts.values,
      },
      parts.limits,
    );
    this.#sweeper = new Sweeper({
      engine: parts.engine,
      tip: () => this.#tip,
      maintain: (work) => this.#queue.maintain(work),
      fail: (cause) => this.#queue.fail(cause),
    });
    this.#reader = new StoreReader(
      {
        engine: parts.engine,
        tip: () => this.#tip,
        readBetweenBatches: (read) => this.#queue.readBetweenBatches(read),
        reads: () => parts.values?.reads() ?? new ValueReads(undefined),
        assertUsable: () => this.assertUsable(),
        explained: (error) => this.#lossOr(error),
      },
      parts.model,
    );
    if (parts.values !== undefined) {
      this.#collector = new ValueCollector({
        values: parts.values,
        tip: () => this.#tip,
        maintain: (step) => this.#queue.maintain({ kind: 'relocate', step }),
        fail: (cause) => this.#queue.fail(cause),
      });
    }
    const { engine, guard, level, space, values } = parts;
    guard?.onLost((error) => this.#queue.fail(error));
    if (level !== undefined && space !== undefined) {
      const compact = async (from: string, to: string) => {
        guard?.checkInBackground();
        await engine.compact(from, to);
      };
      this.#reclaimer = new Reclaimer({ engine: { compact }, level, tip: () => this.#tip, space, values });
    }
    meter('lanestore_recovery_seconds', parts.report.openMs / 1000);
    this.#kick();
  }

  override get cursors(): Cursors {
    const lanes = new Map([...this.#tip.lanes].map(([lane, { first, next }]) => [lane, { first, next }] as const));
    return { lanes, commitQCs: { first: this.#tip.qc.first, next: this.#tip.qc.next } };
  }

  /** Bytes of separated values that the store holds, and what their files take on the disk; both 0 while there are none. */
  get valueUsage(): { readonly liveBytes: number; readonly fileBytes: number } {
    return this.#values?.usage ?? { liveBytes: 0, fileBytes: 0 };
  }

  /** Free space where the store is, as far as is known; undefined in a caller's database, and where the file system does not say. */
  get freeBytes(): number | undefined {
    const bytes = this.#space?.freeBytes;
    return bytes === Number.POSITIVE_INFINITY ? undefined : bytes;
  }

  /** Batches written since creation: the `seq` of the newest durable one. */
  get seq(): bigint {
    return this.#tip.seq;
  }

  /**
   * The durable block `number` of `lane`, or undefined if the lane does not hold it.
   * @throws LANESTORE_CORRUPT, LANESTORE_IO, LANESTORE_FAILED, LANESTORE_CLOSED.
   */
  async block(lane: LaneId, number: bigint): Promise<B | undefined> {
    return this.#reader.block(laneId(lane), u64(number, 'block number'));
  }

  /** The durable CommitQC of road index `index`, or undefined if it is not held. @throws as {@link block}. */
  async commitQC(index: bigint): Promise<Q | undefined> {
    return this.#reader.commitQC(u64(index, 'road index'));
  }

  /**
   * The durable blocks of a lane, ascending, as they are when the iteration begins; later rounds do not disturb it. One that is left at
   * `close` is ended: it yields nothing more, and throws LANESTORE_CLOSED.
   * @throws TypeError, LANESTORE_INVALID for a lane or a range that is none; (while iterating) as {@link block}.
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

  override async ready(signal?: AbortSignal): Promise<void> {
    this.assertUsable();
    for (;;) {
      await this.#queue.ready(signal);
      if (this.#space === undefined || this.#space.hasRoom) return;
      await this.#space.ready(signal);
    }
  }

  protected override accept(plan: Plan<B, Q, A, LevelEntries>, hooks: DurableHooks<B, Q, A>): Promise<void> {
    const size = sizeOf(plan);
    const written = isNoop(plan) ? 0 : size.bytes + this.#overhead(size);
    if (written > 0) this.#checkSpace(written, onlyPrunes(plan) ? 'prune' : 'round');
    const { bytes, entries } = size;
    return this.#enqueue({ kind: 'round', round: plan, bytes, entries }, () => fireHooks(plan.notify, hooks), written);
  }

  protected override acceptDrop(lanes: readonly LaneId[]): Promise<void> {
    this.#checkSpace(this.#tipBytes, 'prune');
    return this.#enqueue({ kind: 'drop', lanes, bytes: 0, entries: 0 }, () => undefined, this.#tipBytes);
  }

  protected override async shutdown(): Promise<void> {
    const closed = new LanestoreError('LANESTORE_CLOSED', 'the store was closed');
    this.#queue.refuseWaiters(closed);
    this.#space?.refuse(closed);
    try {
      await closeAll([
        // Before the value files go: a later store may write to them, which a read that goes on would take for damage.
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
   * @throws LANESTORE_CAPACITY; then space is looked for in what was pruned. LANESTORE_FAILED if it
   * is not the store's disk that is looked at.
   */
  #checkSpace(bytes: number, kind: 'round' | 'prune'): void {
    try {
      this.#space?.check(bytes, kind);
    } catch (error) {
      // It may be another disk that is full.
      const explained = this.#lossOr(error as LanestoreError);
      if (explained === error) this.#reclaimer?.refused();
      throw explained;
    }
  }

  /** `error`, unless it comes from another place: then the store fails. */
  #lossOr(error: LanestoreError): LanestoreError {
    const lost = this.#guard?.loss();
    return lost === undefined ? error : this.#queue.fail(lost);
  }

  /** Throws what the queue refuses, outside of the promise: otherwise the planner would go on as if the work had been accepted. */
  #enqueue(work: Work, fire: () => HookFailure | undefined, written: number): Promise<void> {
    let settle!: (error?: LanestoreError) => void;
    const done = new Promise<void>((resolve, reject) => {
      settle = (error) => {
        this.#space?.leave(written);
        if (error !== undefined) return reject(error);
        const failed = fire();
        if (failed !== undefined) reject(failed.thrown);
        else resolve();
      };
    });
    this.#queue.push(work, settle);
    this.#space?.enter(written);
    return done;
  }

  /** Bytes of a batch beside what its rounds put: deletes, the tip, and LevelDB's framing. Upper bound. */
  #overhead({ entries, removals }: RoundSize): number {
    return this.#tipBytes + ENTRY_OVERHEAD_BYTES * Math.min(entries + removals, this.#deletesMax);
  }

  get #tipBytes(): number {
    return 4096 + ENTRY_OVERHEAD_BYTES * this.#tip.lanes.size;
  }

  #poisoned(cause: unknown): LanestoreError {
    const error = this.poison(failure(this.#guard?.loss() ?? cause));
    this.#space?.refuse(error);
    return error;
  }

  async #write(batch: BatchBuilder, valuesDurable: Promise<void> | undefined): Promise<void> {
    const { tip, operations } = batch.finish();
    const filled = this.#engine.fill(operations);
    const write = () => this.#writeInPlace(filled, operations);
    // What the batch names must be durable before LevelDB hears of it; if it cannot be, LevelDB never does.
    const written =
      valuesDurable === undefined
        ? write()
        : valuesDurable.then(write, (cause) => filled.discard().finally(() => Promise.reject(cause)));
    // The disk is at work now: what can be done meanwhile is not done when callers wait for it.
    if (this.#engine.copies) for (const one of operations) if (one.type === 'put') releaseMemory(one.value);
    this.#nextBatch = new BatchBuilder(tip, this.#deletesMax);
    const ownWitness = this.#witness?.prepare(tip.seq);
    // Ignored here: it is waited for below, unless the batch fails first.
    ownWitness?.catch(() => undefined);
    await written;
    if (ownWitness !== undefined) await ownWitness;
    this.#witness?.write(tip.seq);
    this.#tip = tip;
    this.#values?.applied(operations, batch.hasReferences);
  }

  /** Hands a batch to LevelDB, in the place that the store was opened in. */
  async #writeInPlace(filled: FilledBatch, operations: readonly Operation[]): Promise<void> {
    try {
      this.#guard?.checkUnlessRecent();
    } catch (error) {
      await filled.discard();
      throw error;
    }
    const written = meterBatch(operations, this, () => filled.write());
    try {
      // While the disk is at work.
      this.#guard?.checkBatch();
    } catch (error) {
      await written.catch(() => undefined);
      throw error;
    }
    await written;
  }

  #begin(): BatchBuilder {
    const ready = this.#nextBatch;
    this.#nextBatch = undefined;
    return ready?.base === this.#tip ? ready : new BatchBuilder(this.#tip, this.#deletesMax);
  }

  #kick(): void {
    this.#sweeper.kick();
    this.#collector?.kick();
    this.#reclaimer?.kick();
  }
}

/** True for a round that only truncates: an anchor, which may bring its own CommitQC along, or no entry at all. */
function onlyPrunes({ anchor, inner, commitQCs, lanes }: EncodedRound): boolean {
  if (inner !== undefined || (commitQCs?.append.length ?? 0) > (anchor === undefined ? 0 : 1)) return false;
  for (const { append } of lanes.values()) if (append.length > 0) return false;
  return true;
}

/** Everything was released all the same, and what was acknowledged had been synced before. */
function closingFailed(cause: unknown): LanestoreError {
  if (cause instanceof LanestoreError) return cause;
  const reason = messageOf(cause);
  return new LanestoreError('LANESTORE_IO', `closing the store failed: ${reason}`, { cause });
}

function failure(cause: unknown): LanestoreError {
  if (cause instanceof LanestoreError && cause.code === 'LANESTORE_FAILED') return cause;
  const reason = messageOf(cause);
  return new LanestoreError('LANESTORE_FAILED', `a write was rejected, reopen the store: ${reason}`, { cause });
}
