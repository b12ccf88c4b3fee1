/** The backend that stores nothing: for tests and for nodes without a disk. The planner runs, cursors move, hooks fire. */
import { fields } from '../base/options.js';
import { LanestoreError } from '../errors.js';
import type { LaneId } from '../keys/index.js';
import type { Model } from '../model/model.js';
import { MODEL_CHECK } from '../model/option-checks.js';
import {
  PLAN_LIMIT_CHECKS,
  type PlanLimitOptions,
  type PlanLimits,
  planLimits,
  QueueBudget,
  roomLimits,
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
 * Opens a persistence that accepts and refuses exactly what the others do and keeps nothing. Calls settle in order, each
 * in a later microtask, as a caller of a durable backend would see it.
 */
export async function openNoop<B, Q, A>(options: NoopOptions<B, Q, A>): Promise<Persistence<B, Q, A>> {
  checkNoopOptions(options, 'openNoop: options');
  return new NoopPersistence(options.model, planLimits(options));
}

class NoopPersistence<B, Q, A> extends BasePersistence<B, Q, A> {
  readonly #settled = emptyState();
  /** Counts calls only: nothing is encoded, so none has bytes. */
  readonly #room = new QueueBudget(roomLimits({}));
  #tail: Promise<unknown> = Promise.resolve();

  constructor(model: Model<B, Q, A>, limits: PlanLimits) {
    super(model, checkedEntries(model), emptyState(), limits);
  }

  override get cursors(): Cursors {
    return { lanes: new Map(this.#settled.lanes), commitQCs: this.#settled.commitQCs };
  }

  override async ready(signal?: AbortSignal): Promise<void> {
    this.assertUsable();
    await this.#room.ready(signal);
  }

  protected override accept(plan: Plan<B, Q, A>, hooks: DurableHooks<B, Q, A>): Promise<void> {
    return this.#enqueue(() => {
      advance(this.#settled, plan);
      const failure = fireHooks(plan.notify, hooks);
      if (failure !== undefined) throw failure.thrown;
    });
  }

  protected override acceptDrop(lanes: readonly LaneId[]): Promise<void> {
    return this.#enqueue(() => {
      for (const lane of lanes) this.#settled.lanes.delete(lane);
    });
  }

  protected override async shutdown(): Promise<void> {
    this.#room.refuse(new LanestoreError('LANESTORE_CLOSED', 'the store is closed'));
    await this.#tail;
  }

  /** Throws what the room refuses, outside of the promise: the planner goes on as soon as this returns. */
  #enqueue(settle: () => void): Promise<void> {
    this.#room.enter(0);
    const done = this.#tail.then(() => {
      this.#room.leave(0);
      settle();
    });
    this.#tail = done.catch(() => undefined);
    return done;
  }
}
