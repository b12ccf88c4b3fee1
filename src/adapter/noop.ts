/**
 * The backend that stores nothing, for tests and for nodes without a disk. The planner's rules
 * hold, cursors move, and hooks fire, as in a durable backend.
 */
import { fields } from '../base/options.js';
import type { LaneId } from '../keys/index.js';
import type { Model } from '../model/model.js';
import { MODEL_CHECK } from '../model/option-checks.js';
import {
  AdmissionGate,
  admissionLimits,
  type Cost,
  freeOfCost,
  PLAN_LIMIT_CHECKS,
  type PlanLimitOptions,
} from './backpressure.js';
import { BasePersistence } from './base-persistence.js';
import { fireHooks } from './hooks.js';
import type { Cursors, DurableHooks, Persistence } from './persistence.js';
import { advance, emptyState } from './planner.js';
import { checkedEntries, type Plan } from './round-plan.js';

/** Options of {@link openNoop}. */
export interface NoopOptions<B, Q, A> extends PlanLimitOptions {
  readonly model: Model<B, Q, A>;
}

const checkNoopOptions = fields<NoopOptions<unknown, unknown, unknown>>({ ...MODEL_CHECK, ...PLAN_LIMIT_CHECKS });

/**
 * Opens a persistence that stores nothing. It applies the planner's rules of the durable backends,
 * and of the limits in bytes only `maxInnerBytes`. Calls settle in order, each in a later
 * microtask, never before `persist` returns.
 * @example
 * ```ts
 * import { autobahn, headerHash, isLanestoreError, openNoop } from 'lanestore';
 * import { payloadHash, publicKeyOf, signBlock } from 'lanestore';
 *
 * const secret = new Uint8Array(32).fill(1);
 * const createdAt = { seconds: 0n, nanos: 0 };
 * const payload = { createdAt, totalGas: 0n, edgeCount: 0n, basefee: 0n, txs: [] };
 * const lane = publicKeyOf(secret);
 * const block = (blockNumber: bigint, parentHash: Uint8Array) => {
 *   const header = { lane, blockNumber, parentHash, payloadHash: payloadHash(payload) };
 *   return signBlock(secret, { header, payload });
 * };
 * const first = block(0n, new Uint8Array(32));
 * const second = block(1n, headerHash(first.block.header));
 *
 * const store = await openNoop({ model: autobahn });
 * await store.persist({ blocks: [first, second] });
 * await store.persist({ blocks: [second] }).catch((error) => {
 *   // A duplicate is refused, as in a durable store.
 *   if (!isLanestoreError(error, 'LANESTORE_OUT_OF_SEQUENCE')) throw error;
 * });
 * await store.close();
 * ```
 */
export async function openNoop<B, Q, A>(options: NoopOptions<B, Q, A>): Promise<Persistence<B, Q, A>> {
  checkNoopOptions(options, 'openNoop: options');
  return new NoopPersistence(options);
}

class NoopPersistence<B, Q, A> extends BasePersistence<B, Q, A> {
  readonly #settled = emptyState();
  #tail: Promise<unknown> = Promise.resolve();

  constructor({ model, ...limits }: NoopOptions<B, Q, A>) {
    super(model, checkedEntries(model), emptyState(), new AdmissionGate(admissionLimits(limits), [], 'noop'));
  }

  override get cursors(): Cursors {
    return { lanes: new Map(this.#settled.lanes), commitQCs: this.#settled.commitQCs };
  }

  /** Nothing is encoded, so a call counts as one call of 0 bytes. */
  protected override costOf(): Cost {
    return freeOfCost();
  }

  protected override accept(plan: Plan<B, Q, A>, hooks: DurableHooks<B, Q, A>, cost: Cost): Promise<void> {
    return this.#enqueue(cost, () => {
      advance(this.#settled, plan);
      const failure = fireHooks(plan.notify, hooks);
      if (failure !== undefined) throw failure.thrown;
    });
  }

  protected override acceptDrop(lanes: readonly LaneId[], cost: Cost): Promise<void> {
    return this.#enqueue(cost, () => {
      for (const lane of lanes) this.#settled.lanes.delete(lane);
    });
  }

  protected override async shutdown(): Promise<void> {
    await this.#tail;
  }

  #enqueue(cost: Cost, settle: () => void): Promise<void> {
    const done = this.#tail.then(() => {
      this.gate.dequeue(cost.bytes, 1);
      this.gate.settle(cost);
      settle();
    });
    this.#tail = done.catch(() => undefined);
    return done;
  }
}
