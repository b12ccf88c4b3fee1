/** What the commit queue orders: calls that were accepted, and steps of the background. */
import type { LanestoreError } from '../../../errors.js';
import type { LaneId } from '../../../keys/index.js';
import type { Cost } from '../../backpressure.js';
import type { EncodedRound, RelocateStep, SweepStep } from '../format/step.js';

/** A call that was accepted, from then until it settles. */
export type Accepted = AcceptedRound | AcceptedDrop;

/** What all accepted calls have. */
interface AcceptedCall {
  readonly cost: Cost;
  /** Called once: when the call is durable, or with the error if it is not. */
  readonly settle: (error?: LanestoreError) => void;
}

/** A round: its plan, its entries as puts. */
export interface AcceptedRound extends AcceptedCall {
  readonly kind: 'round';
  readonly plan: EncodedRound;
}

/** Lanes to drop. */
export interface AcceptedDrop extends AcceptedCall {
  readonly kind: 'drop';
  readonly lanes: readonly LaneId[];
}

/** True if a call names one of the lanes, the anchor of a round included: it must wait until a drop of them is durable. */
export function namesAny(call: Accepted, lanes: ReadonlySet<LaneId>): boolean {
  if (call.kind === 'drop') return call.lanes.some((lane) => lanes.has(lane));
  const { lanes: plans, anchor } = call.plan;
  for (const lane of lanes) if (plans.has(lane) || anchor?.point.laneStarts.has(lane) === true) return true;
  return false;
}

/** A step of the background; it goes first in the next batch. */
export type Maintenance =
  | { readonly kind: 'sweep'; readonly step: SweepStep }
  | { readonly kind: 'relocate'; readonly step: RelocateStep }
  | { readonly kind: 'empty'; readonly lanes: readonly LaneId[] }
  | { readonly kind: 'drop'; readonly lanes: readonly LaneId[] };
