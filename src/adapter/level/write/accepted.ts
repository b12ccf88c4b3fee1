/** The elements of the commit queue: accepted calls, and background steps. */
import type { LanestoreError } from '../../../errors.js';
import type { LaneId } from '../../../keys/index.js';
import type { Cost } from '../../backpressure.js';
import type { EncodedRound, RelocateStep, SweepStep } from '../format/step.js';

/** An accepted call that has not settled. */
export type Accepted = AcceptedRound | AcceptedDrop;

/** The fields that all accepted calls share. */
interface AcceptedCall {
  readonly cost: Cost;
  /** Called once: without an error when the call is durable, otherwise with the error. */
  readonly settle: (error?: LanestoreError) => void;
}

/** A round: its plan, with entries as puts. */
export interface AcceptedRound extends AcceptedCall {
  readonly kind: 'round';
  readonly plan: EncodedRound;
}

/** Lanes to drop. */
export interface AcceptedDrop extends AcceptedCall {
  readonly kind: 'drop';
  readonly lanes: readonly LaneId[];
}

/**
 * True if a call, or the anchor of its round, names one of the lanes: it must wait until the drop
 * of these lanes is durable.
 */
export function namesAny(call: Accepted, lanes: ReadonlySet<LaneId>): boolean {
  if (call.kind === 'drop') return call.lanes.some((lane) => lanes.has(lane));
  const { lanes: plans, anchor } = call.plan;
  for (const lane of lanes) if (plans.has(lane) || anchor?.point.laneStarts.has(lane) === true) return true;
  return false;
}

/** A background step; steps come first in the next batch. */
export type Maintenance =
  | { readonly kind: 'sweep'; readonly step: SweepStep }
  | { readonly kind: 'relocate'; readonly step: RelocateStep }
  | { readonly kind: 'empty'; readonly lanes: readonly LaneId[] }
  | { readonly kind: 'drop'; readonly lanes: readonly LaneId[] };
