/**
 * Fires the durable hooks: once per entry, in order, even after a hook has thrown
 * (docs/architecture.md, Rules of the planner, rule 7).
 */
import { copyOf } from '../base/bytes.js';
import type { DurableHooks } from './persistence.js';
import type { Plan } from './round-plan.js';

/** The value that a hook threw. Wrapped, because a hook can throw `undefined` too. */
export interface HookFailure {
  readonly thrown: unknown;
}

/**
 * Calls `hook` for each entry. A throwing hook does not keep the rest from firing; the first
 * failure is returned.
 */
export function fireEach<T>(
  entries: readonly T[],
  hook: ((entry: T) => void) | undefined,
  earlier?: HookFailure,
): HookFailure | undefined {
  let failure = earlier;
  if (hook === undefined) return failure;
  for (const entry of entries) {
    try {
      hook(entry);
    } catch (thrown) {
      failure ??= { thrown };
    }
  }
  return failure;
}

/** Fires the hooks of a durable plan: the anchor's, the CommitQCs', the blocks', the votes'. */
export function fireHooks<B, Q, A>(
  notify: Plan<B, Q, A>['notify'],
  hooks: DurableHooks<B, Q, A>,
): HookFailure | undefined {
  const anchors = notify.anchor === undefined ? [] : [notify.anchor];
  const first = fireEach(anchors, hooks.anchor);
  const second = fireEach(notify.commitQCs, hooks.commitQC, first);
  const third = fireEach(notify.blocks, hooks.block, second);
  const { vote } = hooks;
  if (notify.votes === undefined || vote === undefined) return third;
  return fireEach(notify.votes, (given) => vote(given.vote, copyOf(given.digest)), third);
}
