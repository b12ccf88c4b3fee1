/**
 * What every backend shares: it checks arguments, plans each call in the order in which it is made, and hands the plan
 * to the backend. A backend adds `accept`: encode, store, fire the hooks.
 */
import { iterable } from '../base/options.js';
import { LanestoreError } from '../errors.js';
import { type LaneId, laneId } from '../keys/index.js';
import { meter } from '../metrics/channel.js';
import { STORE_STATES } from '../metrics/table.js';
import type { Model } from '../model/model.js';
import { checkHook, checkHooks } from './arguments.js';
import { RoundMeter } from './metered.js';
import type {
  AnchorPersister,
  BlockPersister,
  CommitQCPersister,
  Cursors,
  DurableHooks,
  Persistence,
  Recovered,
  Round,
} from './persistence.js';
import {
  advance,
  checksOf,
  type Intake,
  type Plan,
  type PlanState,
  planCommitQCs,
  planLane,
  planRound,
} from './planner.js';
import type { PlanLimits } from './room.js';

/** The port on top of the planner; backends extend it. */
export abstract class PlannedPersistence<B, Q, A> implements Persistence<B, Q, A> {
  readonly blocks: BlockPersister<B, Q>;
  readonly commitQCs: CommitQCPersister<Q>;
  readonly anchor: AnchorPersister<A>;

  protected readonly model: Model<B, Q, A>;
  /** What the next call is planned against: ahead of the durable cursors, and private (rule 6). */
  readonly #planned: PlanState;
  readonly #checks: Intake<B, Q, A>;
  readonly #planLimits: PlanLimits;
  readonly #meter = new RoundMeter();
  #recovered: Recovered<B, Q, A> | undefined;
  #failed: LanestoreError | undefined;
  #closing: Promise<void> | undefined;

  protected constructor(model: Model<B, Q, A>, state: PlanState, limits: PlanLimits, recovered?: Recovered<B, Q, A>) {
    this.model = model;
    this.#planLimits = limits;
    this.#planned = state;
    this.#checks = checksOf(model);
    this.#recovered = recovered;
    meter('lanestore_state', STORE_STATES.open);
    const store = this;
    this.blocks = {
      maybePruneAndPersistLane: (lane, anchorQC, blocks, afterEach) =>
        store.#submit({ block: afterEach }, (intake) => {
          if (afterEach !== undefined) checkHook(afterEach, 'maybePruneAndPersistLane: afterEach');
          return planLane(model, store.#planned, lane, anchorQC, blocks, intake, limits.roundEntriesMax);
        }),
    };
    this.commitQCs = {
      get next() {
        return store.cursors.commitQCs.next;
      },
      maybePruneAndPersist: (anchorQC, commitQCs, afterEach) =>
        store.#submit({ commitQC: afterEach }, (intake) => {
          if (afterEach !== undefined) checkHook(afterEach, 'maybePruneAndPersist: afterEach');
          return planCommitQCs(model, store.#planned, anchorQC, commitQCs, intake, limits.roundEntriesMax);
        }),
    };
    this.anchor = {
      persist: (anchor) =>
        store.#submit({}, (intake) => {
          if (anchor === undefined) throw new TypeError('anchor.persist: anchor is missing');
          return planRound(model, store.#planned, { anchor }, intake);
        }),
    };
  }

  abstract get cursors(): Cursors;
  abstract ready(signal?: AbortSignal): Promise<void>;

  /** What the entries of one call go through while it is planned; asked for once a call. A backend may encode them there. */
  protected intake(): Intake<B, Q, A> {
    return this.#checks;
  }

  /**
   * Takes a plan over: reads and encodes its entries before it returns. Throws to refuse it, then nothing of it may be
   * stored. The promise settles when the plan, and all that was accepted before it, is durable and the hooks have fired.
   */
  protected abstract accept(plan: Plan<B, Q, A>, hooks: DurableHooks<B, Q, A>): Promise<void>;

  /** The same for lanes to be forgotten; the planner has forgotten them when this returns. */
  protected abstract acceptDrop(lanes: readonly LaneId[]): Promise<void>;

  /** Waits for what was accepted and frees what the backend holds. Called once. */
  protected abstract shutdown(): Promise<void>;

  persist(round: Round<B, Q, A>, hooks: DurableHooks<B, Q, A> = {}): Promise<void> {
    return this.#submit(hooks, (intake) => {
      checkHooks(hooks, 'persist: hooks');
      const plan = planRound(this.model, this.#planned, round, intake, this.#planLimits.roundEntriesMax);
      this.#checkInner(plan.inner);
      return plan;
    });
  }

  async dropLanes(lanes: Iterable<LaneId>): Promise<void> {
    iterable(lanes, 'dropLanes: lanes');
    const list = [...new Set(lanes)];
    for (const lane of list) laneId(lane);
    this.assertUsable();
    const done = this.acceptDrop(list);
    for (const lane of list) this.#planned.lanes.delete(lane);
    await done;
  }

  takeRecovered(): Recovered<B, Q, A> {
    const recovered = this.#recovered;
    this.#recovered = undefined;
    return recovered ?? { commitQCs: [], blocks: new Map() };
  }

  close(): Promise<void> {
    this.#closing ??= this.shutdown().finally(() => meter('lanestore_state', STORE_STATES.closed));
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws LANESTORE_CLOSED, LANESTORE_FAILED if the store accepts nothing any more. */
  protected assertUsable(): void {
    if (this.#closing !== undefined) throw new LanestoreError('LANESTORE_CLOSED', 'the store is closed');
    if (this.#failed !== undefined) throw this.#failed;
  }

  /** Poisons the store: every later call but close() fails with this. The first cause stays. */
  protected poison(error: LanestoreError): LanestoreError {
    if (this.#failed === undefined) meter('lanestore_state', STORE_STATES.failed);
    this.#failed ??= error;
    return this.#failed;
  }

  async #submit(hooks: DurableHooks<B, Q, A>, makePlan: (intake: Intake<B, Q, A>) => Plan<B, Q, A>): Promise<void> {
    this.assertUsable();
    const startedAt = this.#meter.begin();
    let plan: Plan<B, Q, A>;
    let done: Promise<void>;
    try {
      plan = makePlan(this.intake());
      this.#checkLanes(plan);
      done = this.accept(plan, hooks);
    } catch (error) {
      this.#meter.refused(startedAt);
      throw error;
    }
    advance(this.#planned, plan);
    this.#meter.accepted(startedAt);
    // One await and no more: callers hear of their calls in the order in which these settle.
    try {
      await done;
    } catch (error) {
      this.#meter.settled(startedAt);
      throw error;
    }
    this.#meter.settled(startedAt, plan);
  }

  #checkInner(inner: Uint8Array | undefined): void {
    const { innerBytesMax } = this.#planLimits;
    if (inner === undefined || inner.length <= innerBytesMax) return;
    throw new LanestoreError(
      'LANESTORE_INVALID',
      `round.inner has ${inner.length} bytes, more than maxInnerBytes = ${innerBytesMax}`,
    );
  }

  #checkLanes(plan: Plan<B, Q, A>): void {
    const { lanesMax } = this.#planLimits;
    let lanes = this.#planned.lanes.size;
    for (const [lane, { before }] of plan.lanes) {
      if (before !== undefined || ++lanes <= lanesMax) continue;
      throw new LanestoreError(
        'LANESTORE_INVALID',
        `lane ${lane} would be one more than maxLanes = ${lanesMax}; drop lanes that left the committee`,
      );
    }
  }
}
