/**
 * The base class of every backend. It checks arguments, encodes and plans calls in their order,
 * admits them, and passes each plan to the backend. A backend adds its encoder, the cost of a plan,
 * and `accept`, which stores the plan and fires the hooks.
 */
import { iterable, settled } from '../base/options.js';
import { LanestoreError } from '../errors.js';
import type { LaneId } from '../keys/index.js';
import { meter } from '../metrics/channel.js';
import { STORE_STATES } from '../metrics/table.js';
import type { Model } from '../model/model.js';
import { checkHook, checkHooks, ownLanes, ownList, ownRound } from './arguments.js';
import { type AdmissionGate, type Cost, freeOfCost } from './backpressure.js';
import type {
  AnchorPersister,
  BlockPersister,
  CommitQCPersister,
  Cursors,
  DurableHooks,
  Persistence,
  Recovered,
  Round,
  VoteState,
} from './persistence.js';
import { advance, type PlanState } from './planner.js';
import { RoundMeter } from './round-meter.js';
import {
  type Encoded,
  type EntryEncoder,
  type Plan,
  planCommitQCs,
  planLane,
  planRound,
  planVoteChange,
  startsOncePerTurn,
  type Unencoded,
} from './round-plan.js';
import { StoreVotes } from './store-votes.js';
import { checkLaneFloors, NO_VOTES, withLaneFloors } from './vote-rules.js';
import type { StoreBatch } from './witness-set.js';

/**
 * True while a call of any store is encoded, planned and admitted. Global, because all stores share
 * encoders.
 */
let isPlanning = false;

/**
 * @throws TypeError inside another call: that call's changes to the cursors are not visible yet.
 */
function beginPlanning(): void {
  if (isPlanning) {
    throw new TypeError(
      'a store was called from inside of a call that is being planned: by a function of the model, a getter of an entry, or a listener of its metrics',
    );
  }
  isPlanning = true;
}

function closedError(): LanestoreError {
  return new LanestoreError('LANESTORE_CLOSED', 'the store is closed');
}

const NO_BATCH: StoreBatch = { store: new Uint8Array(16), seq: 0n };

/** Implements the port with the planner; backends extend it. */
export abstract class BasePersistence<B, Q, A, E extends Encoded = Unencoded<B, Q, A>> implements Persistence<B, Q, A> {
  readonly blocks: BlockPersister<B, Q>;
  readonly commitQCs: CommitQCPersister<Q>;
  readonly anchor: AnchorPersister<A>;
  readonly votes: StoreVotes<B> | undefined;

  protected readonly model: Model<B, Q, A>;
  /** The backend reports when a call has left the queue, and when it has settled. */
  protected readonly gate: AdmissionGate;
  /** The next call is planned against this. Ahead of the durable cursors, and private (rule 6). */
  readonly #planned: PlanState;
  readonly #encoder: EntryEncoder<B, Q, A, E>;
  readonly #meter: RoundMeter;
  #recovered: Recovered<B, Q, A> | undefined;
  #failed: LanestoreError | undefined;
  #closing: Promise<void> | undefined;
  /** True once nothing is accepted, not even a quarantine. */
  #isShut = false;
  #beginClose: () => void = () => undefined;
  readonly #closeBegun = new Promise<void>((resolve) => (this.#beginClose = resolve));

  /** `encoder` encodes the entries of one call after another. */
  protected constructor(
    model: Model<B, Q, A>,
    encoder: EntryEncoder<B, Q, A, E>,
    state: PlanState,
    gate: AdmissionGate,
    recovered?: Recovered<B, Q, A>,
  ) {
    this.model = model;
    this.gate = gate;
    this.#planned = state;
    this.#encoder = encoder;
    this.#recovered = recovered;
    this.#meter = new RoundMeter(gate.store);
    meter(gate.store, 'lanestore_state', STORE_STATES.open);
    const store = this;
    const { limits } = gate;
    const starts = startsOncePerTurn(model, state);
    this.blocks = {
      maybePruneAndPersistLane: (lane, anchorQC, blocks, afterEach) =>
        store.#submit({ block: afterEach }, () => {
          if (afterEach !== undefined) checkHook(afterEach, 'maybePruneAndPersistLane: afterEach');
          const list = ownList(blocks, 'blocks', limits.roundEntriesMax);
          return () => planLane(model, store.#planned, lane, anchorQC, list, encoder, starts);
        }),
    };
    this.commitQCs = {
      get next() {
        return store.cursors.commitQCs.next;
      },
      maybePruneAndPersist: (anchorQC, commitQCs, afterEach) =>
        store.#submit({ commitQC: afterEach }, () => {
          if (afterEach !== undefined) checkHook(afterEach, 'maybePruneAndPersist: afterEach');
          const list = ownList(commitQCs, 'commitQCs', limits.roundEntriesMax);
          return () => planCommitQCs(model, store.#planned, anchorQC, list, encoder);
        }),
    };
    this.anchor = {
      persist: (anchor) =>
        store.#submit({}, () => {
          if (anchor === undefined) throw new TypeError('anchor.persist: anchor is missing');
          settled(anchor, 'anchor.persist: anchor');
          return () => planRound(model, store.#planned, { anchor }, encoder);
        }),
    };
    this.votes = this.#votesOf(model.votes);
  }

  abstract get cursors(): Cursors;

  /** The durable votes and newest batch. A backend whose state has votes overrides this. */
  protected get durable(): { readonly votes: VoteState; readonly newest: StoreBatch } {
    return { votes: this.#planned.votes ?? NO_VOTES, newest: NO_BATCH };
  }

  /** A durable block. A backend whose state has votes overrides this. */
  protected heldBlock(_lane: LaneId, _number: bigint): Promise<B | undefined> {
    return Promise.resolve(undefined);
  }

  /** The durable inner state. A backend whose state has votes overrides this. */
  protected heldInner(): Promise<Uint8Array | undefined> {
    return Promise.resolve(undefined);
  }

  /** The cost of a plan. Throws to refuse a plan that the backend cannot store. */
  protected abstract costOf(plan: Plan<B, Q, A, E>): Cost;

  /**
   * Takes over an admitted plan; does not throw. The promise resolves when the plan and every
   * earlier accepted plan are durable and the hooks have fired.
   */
  protected abstract accept(plan: Plan<B, Q, A, E>, hooks: DurableHooks<B, Q, A>, cost: Cost): Promise<void>;

  /** The cost of dropping lanes. */
  protected costOfDrop(): Cost {
    return freeOfCost();
  }

  /**
   * As {@link accept}, for lanes to be dropped. The planner forgets the lanes when this returns.
   */
  protected abstract acceptDrop(lanes: readonly LaneId[], cost: Cost): Promise<void>;

  /** Waits for accepted calls and frees the backend's resources. Called once. */
  protected abstract shutdown(): Promise<void>;

  persist(round: Round<B, Q, A>, hooks: DurableHooks<B, Q, A> = {}): Promise<void> {
    return this.#submit(hooks, () => {
      checkHooks(hooks, 'persist: hooks');
      const own = ownRound(round, this.gate.limits.roundEntriesMax);
      if (own.inner !== undefined) this.gate.checkInner(own.inner);
      return () => planRound(this.model, this.#planned, own, this.#encoder);
    });
  }

  async dropLanes(lanes: Iterable<LaneId>): Promise<void> {
    iterable(lanes, 'dropLanes: lanes');
    const { lanesMax, roundEntriesMax } = this.gate.limits;
    // As many as the store holds, or may hold.
    const list = ownLanes(lanes, Math.max(lanesMax, roundEntriesMax, this.#planned.lanes.size));
    this.assertUsable();
    beginPlanning();
    let done: Promise<void>;
    try {
      this.#flooredVotes(list);
      const cost = this.costOfDrop();
      this.gate.admit(cost);
      done = this.acceptDrop(list, cost);
      // Computed again: a metrics listener may have closed parts during `acceptDrop`.
      this.#planned.votes = this.#flooredVotes(list);
      for (const lane of list) this.#planned.lanes.delete(lane);
    } finally {
      isPlanning = false;
    }
    await done;
  }

  async ready(signal?: AbortSignal): Promise<void> {
    this.assertUsable();
    await this.gate.ready(signal);
  }

  takeRecovered(): Recovered<B, Q, A> {
    const recovered = this.#recovered;
    this.#recovered = undefined;
    return recovered ?? { commitQCs: [], blocks: new Map() };
  }

  close(): Promise<void> {
    this.#closing ??= this.#shutDown().finally(() => meter(this.gate.store, 'lanestore_state', STORE_STATES.closed));
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @throws LANESTORE_CLOSED, LANESTORE_FAILED if the store accepts no more calls. */
  protected assertUsable(): void {
    this.#assertOpen(false);
  }

  /** As {@link assertUsable}, but passes while a closing store still makes quarantines durable. */
  protected assertReadable(): void {
    this.#assertOpen(true);
  }

  #assertOpen(isClosing: boolean): void {
    if (this.#closing !== undefined && (!isClosing || this.#isShut)) throw closedError();
    if (this.#failed !== undefined) throw this.#failed;
  }

  /** Poisons the store: every later call except close() fails with the first error. */
  protected poison(error: LanestoreError): LanestoreError {
    if (this.#failed === undefined) meter(this.gate.store, 'lanestore_state', STORE_STATES.failed);
    this.#failed ??= error;
    this.gate.close(this.#failed);
    return this.#failed;
  }

  async #shutDown(): Promise<void> {
    // If `close` was called while another call is planned, that call is accepted first, as a whole.
    if (isPlanning) await undefined;
    this.#beginClose();
    // Without a guard there is nothing to wait for, so the microtask is saved.
    const settled = this.votes?.settled();
    if (settled !== undefined) await settled;
    this.#isShut = true;
    this.gate.close(closedError());
    await this.shutdown();
  }

  /**
   * `read` runs the caller's iterables. They may call this store, `close()` included, because
   * nothing of this call is planned yet. The function that `read` returns plans the call, in the
   * same synchronous step in which the backend accepts it.
   */
  async #submit(
    hooks: DurableHooks<B, Q, A>,
    read: () => () => Plan<B, Q, A, E>,
    isClosingVotes = false,
  ): Promise<void> {
    this.#assertOpen(isClosingVotes);
    const startedAt = this.#meter.begin();
    let plan: Plan<B, Q, A, E>;
    let done: Promise<void>;
    try {
      const makePlan = read();
      this.#assertOpen(isClosingVotes);
      beginPlanning();
      try {
        plan = makePlan();
        if (plan.newLanes > 0) this.gate.checkLanes(plan.lanes, this.#planned.lanes.size);
        // While the store closes, a quarantine is stored even if the queue is full.
        const cost = isClosingVotes && this.#closing !== undefined ? freeOfCost() : this.costOf(plan);
        this.gate.admit(cost);
        done = this.accept(plan, hooks, cost);
        advance(this.#planned, plan);
      } finally {
        isPlanning = false;
      }
    } catch (error) {
      this.#meter.refused(startedAt);
      throw error;
    }
    this.#meter.accepted(startedAt);
    // Exactly one await, so that the promises settle in the order in which the calls settle.
    try {
      await done;
    } catch (error) {
      this.#meter.settled(startedAt);
      throw error;
    }
    this.#meter.settled(startedAt, plan);
  }

  /**
   * The planned votes with floors for lanes that are about to be dropped.
   * @throws LANESTORE_CAPACITY.
   */
  #flooredVotes(dropped: readonly LaneId[]): VoteState | undefined {
    const { votes, lanes } = this.#planned;
    if (votes === undefined || this.model.votes?.lanesRecur !== true) return votes;
    const floored = withLaneFloors(votes, dropped, lanes);
    checkLaneFloors(floored);
    return floored;
  }

  /** Undefined if the backend or the model has no votes. */
  #votesOf(model: Model<B, Q, A>['votes']): StoreVotes<B> | undefined {
    const planned = this.#planned;
    if (model === undefined || planned.votes === undefined) return undefined;
    return new StoreVotes<B>({
      model,
      planned: planned as PlanState & { votes: VoteState },
      durable: () => this.durable.votes,
      newest: () => this.durable.newest,
      block: async (lane, number) => {
        this.assertReadable();
        return this.heldBlock(lane, number);
      },
      inner: async () => {
        this.assertUsable();
        return this.heldInner();
      },
      change: (change) => this.#submit({}, () => () => planVoteChange(change), change.quarantine !== undefined),
      ready: () => this.#roomOrClose(),
    });
  }

  /**
   * Resolves when the queue has room, or when the store begins to close: a quarantine then needs no
   * room.
   */
  async #roomOrClose(): Promise<void> {
    if (this.#closing !== undefined) return new Promise((resolve) => setImmediate(resolve));
    await Promise.race([this.ready(), this.#closeBegun]);
  }
}
