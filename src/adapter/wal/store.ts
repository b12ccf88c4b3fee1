/** The WAL store: combines the planner, the logs and the A/B files. */
import { join } from 'node:path';
import { closeAll } from '../../base/close-stack.js';
import { type Files, poolThreads } from '../../base/files.js';
import { Mutex, Semaphore } from '../../base/mutex.js';
import type { LanestoreError } from '../../errors.js';
import type { LaneId } from '../../keys/index.js';
import type { Model } from '../../model/model.js';
import { AdmissionGate, type AdmissionLimits, type Cost, freeOfCost } from '../backpressure.js';
import { BasePersistence } from '../base-persistence.js';
import { fireEach, type HookFailure } from '../hooks.js';
import type { LocationGuard } from '../location-guard.js';
import type { Cursor, Cursors, DurableHooks, Recovered } from '../persistence.js';
import type { PlanState } from '../planner.js';
import type { Plan } from '../round-plan.js';
import type { ABFile } from './ab-file.js';
import { bytesIn, FrameEncoder, type WalEntries } from './encode.js';
import { systemCode, writeFailed } from './io.js';
import { BLOCKS_DIR, DROPPED } from './layout.js';
import type { Reserve } from './reserve.js';
import type { StoredLog } from './stored-log.js';

/**
 * Lanes that are written at a time, for each thread of libuv's pool: enough that no thread waits
 * for work. If all lanes ran at once, each would wait for the first step of all others, and the
 * first block would become durable hardly earlier than the last.
 */
const LANES_PER_THREAD = 2;

/** Everything that a store needs to run. */
export interface StoreParts<B, Q, A> {
  readonly model: Model<B, Q, A>;
  readonly location: string;
  readonly anchorPair: ABFile;
  readonly innerPair: ABFile;
  readonly commitQCs: StoredLog<Q>;
  readonly lanes: Map<LaneId, StoredLog<B>>;
  /** Creates the log of a lane that has none. */
  readonly newLane: (lane: LaneId) => StoredLog<B>;
  readonly state: PlanState;
  readonly notes: readonly string[];
  readonly limits: AdmissionLimits;
  readonly files: Files;
  /** Checked with each sync, before a call settles. */
  readonly guard: LocationGuard;
  /** Disk space for writes that free space on a full disk. */
  readonly reserve: Reserve;
  /** Releases the lock and the guard. */
  readonly release: () => Promise<void>;
}

/** The plan of a call, with encoded entries. */
type WalPlan<B, Q, A> = Plan<B, Q, A, WalEntries<B, Q>>;

/** The state that the steps of one round share. */
interface Round<B, Q, A> {
  readonly hooks: DurableHooks<B, Q, A>;
  /** The first error that a hook threw. */
  failure: HookFailure | undefined;
  /** Settles when the anchor is durable; undefined if the round has none. */
  anchored: Promise<void> | undefined;
}

/**
 * A node's persistence in segment files: one log for each lane, one for the CommitQCs, and a pair
 * of files each for the anchor and inner.
 *
 * A round is not atomic. Its anchor is written first, alone; then inner, the QC log and the lanes
 * in parallel. Each log is truncated before it is appended to, and each entry is synced before the
 * next one of that log is written. A crash can leave any of these steps undone; the next open
 * restores a consistent state, because nothing below a durable anchor is needed. A hook fires as
 * soon as its entry is durable: hooks of one log come in order, those of different logs in any
 * order. Calls on different lanes run in parallel, up to a few for each thread of Node's pool. With
 * many lanes and a disk that handles concurrent syncs well, set UV_THREADPOOL_SIZE=16 in the node's
 * environment.
 */
export class WalStore<B, Q, A> extends BasePersistence<B, Q, A, WalEntries<B, Q>> {
  /**
   * Remarks from the open that are not damage: names that were skipped, torn tails that were cut
   * off.
   */
  readonly notes: readonly string[];
  readonly #parts: StoreParts<B, Q, A>;
  readonly #anchorSteps = new Mutex();
  readonly #innerSteps = new Mutex();
  readonly #laneSlots = new Semaphore(LANES_PER_THREAD * poolThreads());
  #failure: LanestoreError | undefined;

  /**
   * @internal Use `openWal`. `recovered` is not in `parts`: the store must not hold it once it was
   * taken.
   */
  constructor(parts: StoreParts<B, Q, A>, recovered: Recovered<B, Q, A> | undefined) {
    super(
      parts.model,
      new FrameEncoder(parts.model, parts.limits.recordBytesMax),
      parts.state,
      new AdmissionGate(parts.limits, [], parts.location),
      recovered,
    );
    this.notes = parts.notes;
    this.#parts = parts;
  }

  override get cursors(): Cursors {
    const lanes = new Map<LaneId, Cursor>();
    for (const [lane, { cursor }] of this.#parts.lanes) if (cursor !== undefined) lanes.set(lane, cursor);
    return { lanes, commitQCs: this.#parts.commitQCs.cursor ?? { first: 0n, next: 0n } };
  }

  protected override costOf(plan: WalPlan<B, Q, A>): Cost {
    // Refused before the write: the next open could not distinguish such content from damage.
    if (plan.inner !== undefined && this.#parts.innerPair.encoding === 'wrapper') this.model.inner?.check(plan.inner);
    return { ...freeOfCost(), bytes: bytesIn(plan) };
  }

  protected override accept(plan: WalPlan<B, Q, A>, hooks: DurableHooks<B, Q, A>, cost: Cost): Promise<void> {
    const round: Round<B, Q, A> = { hooks, failure: undefined, anchored: undefined };
    round.anchored = this.#submitAnchor(plan, round);
    const steps = [
      ...(round.anchored === undefined ? [] : [round.anchored]),
      ...this.#submitInner(plan, round),
      ...this.#submitCommitQCs(plan, round),
      ...this.#submitLanes(plan, round),
    ];
    return this.#settle(steps.length > 0 ? steps : [this.#everything().then(() => this.#guard())], cost, round);
  }

  protected override acceptDrop(lanes: readonly LaneId[], cost: Cost): Promise<void> {
    const known = lanes.flatMap((lane) => {
      const log = this.#parts.lanes.get(lane);
      return log === undefined ? [] : [{ lane, log }];
    });
    const drops = known.map(({ lane, log }) => {
      const done = log.mutex.run(async () => {
        this.#guard();
        await this.#write(`drop lane ${lane}`, () => this.#drop(lane, log));
        // A later step means that the lane has rejoined meanwhile, and reuses this log.
        if (log.mutex.count === step) this.#parts.lanes.delete(lane);
      });
      const step = log.mutex.count;
      return done;
    });
    return this.#settle(drops, cost);
  }

  protected override async shutdown(): Promise<void> {
    const { anchorPair, innerPair, commitQCs, lanes, release } = this.#parts;
    const files = [anchorPair, innerPair, commitQCs, ...lanes.values()];
    await closeAll([
      () => this.#everything(),
      ...files.map((file) => () => file.close()),
      () => this.#parts.reserve.idle(),
      release,
    ]);
  }

  /**
   * Writes the anchor, alone. An anchor that is older than the stored one is not written, but its
   * hook fires in turn.
   */
  #submitAnchor({ anchor, notify }: WalPlan<B, Q, A>, round: Round<B, Q, A>): Promise<void> | undefined {
    if (notify.anchor === undefined) return undefined;
    const anchors = [notify.anchor];
    return this.#anchorSteps.run(async () => {
      this.#guard();
      if (anchor !== undefined) await this.#write('write the anchor', () => this.#writeAnchor(anchor.entry));
      round.failure = fireEach(anchors, round.hooks.anchor, round.failure);
    });
  }

  /** Takes the reserve again, after an anchor freed disk space. */
  #keepReserve(): void {
    const { guard, reserve } = this.#parts;
    if (reserve.isKept || this.#failure !== undefined || guard.loss() !== undefined) return;
    void reserve.keep();
  }

  #writeAnchor(anchor: Uint8Array): Promise<void> {
    const { anchorPair, reserve } = this.#parts;
    return reserve.spend(() => anchorPair.write(anchor));
  }

  #submitInner({ inner }: WalPlan<B, Q, A>, round: Round<B, Q, A>): Promise<void>[] {
    if (inner === undefined) return [];
    return [
      this.#innerSteps.run(async () => {
        await round.anchored;
        this.#guard();
        await this.#write('write inner', () => this.#parts.innerPair.write(inner));
      }),
    ];
  }

  #submitCommitQCs({ anchor, commitQCs: plan, notify }: WalPlan<B, Q, A>, round: Round<B, Q, A>): Promise<void>[] {
    if (plan === undefined && notify.commitQCs.length === 0) return [];
    const log = this.#parts.commitQCs;
    const isAnchored = anchor !== undefined;
    const waiting = notify.commitQCs.map((qc) => ({ qc, index: this.model.commitQC.index(qc) }));
    let notified = 0;
    /**
     * Fires the hooks of the QCs below `next`, ignored ones included, in the order of the round.
     */
    const notifyBelow = (next: bigint) => {
      const from = notified;
      while (notified < waiting.length && waiting[notified]!.index < next) notified++;
      const qcs = waiting.slice(from, notified).map(({ qc }) => qc);
      round.failure = fireEach(qcs, round.hooks.commitQC, round.failure);
    };
    return [
      log.mutex.run(async () => {
        await round.anchored;
        this.#guard();
        if (plan === undefined) return notifyBelow(log.cursor?.next ?? 0n);
        const applying = { guard: () => this.#guard(), durable: notifyBelow, isAnchored };
        await this.#write('write the QC log', () => log.apply(plan, applying));
      }),
    ];
  }

  #submitLanes(plan: WalPlan<B, Q, A>, round: Round<B, Q, A>): Promise<void>[] {
    const isAnchored = plan.anchor !== undefined;
    return [...plan.lanes].map(([lane, lanePlan]) => {
      const log = this.#lane(lane);
      const { append, after } = lanePlan;
      const start = after.next - BigInt(append.length);
      const durable = (next: bigint) => {
        if (next > start) {
          const { entry } = append[Number(next - start) - 1]!;
          round.failure = fireEach([entry], round.hooks.block, round.failure);
        }
      };
      return log.mutex.run(async () => {
        await round.anchored;
        this.#guard();
        const applying = { guard: () => this.#guard(), durable, isAnchored };
        await this.#laneSlots.run(() => this.#write(`write lane ${lane}`, () => log.apply(lanePlan, applying)));
      });
    });
  }

  /**
   * Settles the call only after all of its steps, as in the original: no work continues after that.
   */
  async #settle(steps: readonly Promise<void>[], cost: Cost, round?: Round<B, Q, A>): Promise<void> {
    const settled = await Promise.allSettled(steps);
    this.gate.dequeue(cost.bytes, 1);
    this.gate.settle(cost);
    if (round?.anchored !== undefined) this.#keepReserve();
    for (const step of settled) if (step.status === 'rejected') throw step.reason;
    if (round?.failure !== undefined) throw round.failure.thrown;
  }

  #lane(lane: LaneId): StoredLog<B> {
    const { lanes, newLane } = this.#parts;
    let log = lanes.get(lane);
    if (log === undefined) {
      log = newLane(lane);
      lanes.set(lane, log);
    }
    return log;
  }

  /**
   * Removes the lane. The lane is dropped once the rename of its directory is durable: after a
   * crash, the next open removes the rest of the directory.
   */
  async #drop(lane: LaneId, log: StoredLog<B>): Promise<void> {
    const { files, location } = this.#parts;
    const blocks = join(location, BLOCKS_DIR);
    await log.forget();
    try {
      await files.rename(join(blocks, lane), join(blocks, lane + DROPPED));
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return;
      throw error;
    }
    await files.syncDirectory(blocks);
    await files.removeTree(join(blocks, lane + DROPPED));
  }

  /** Resolves when every call accepted so far has settled. */
  async #everything(): Promise<void> {
    const { commitQCs, lanes } = this.#parts;
    const logs = [commitQCs, ...lanes.values()];
    const mutexes = [this.#anchorSteps, this.#innerSteps, ...logs.map((log) => log.mutex)];
    await Promise.all(mutexes.map((mutex) => mutex.idle()));
  }

  /**
   * @throws the error that poisoned the store. After it nothing is written, not even accepted
   * rounds.
   */
  #guard(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #write(what: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      this.#failure ??= this.poison(writeFailed(what, this.#parts.guard.loss() ?? cause));
      throw this.#failure;
    }
  }
}
