/** A plan's entries as bytes, made while the call that brought them is still running. */
import type { LaneId } from '../../keys/index.js';
import type { Model } from '../../model/model.js';
import type { Plan } from '../planner.js';
import { encodeFrame } from './frame.js';

/** What a plan writes. All of it is in memory of its own: callers may change theirs at once. */
export interface EncodedPlan {
  readonly anchor: Uint8Array | undefined;
  readonly inner: Uint8Array | undefined;
  readonly commitQCs: readonly Uint8Array[];
  readonly lanes: ReadonlyMap<LaneId, readonly Uint8Array[]>;
  /** All together. */
  readonly bytes: number;
}

/** @throws LANESTORE_INVALID, and whatever the model's toWire throws. */
export function encodePlan<B, Q, A>(model: Model<B, Q, A>, plan: Plan<B, Q, A>): EncodedPlan {
  let bytes = 0;
  const counted = (encoded: Uint8Array) => {
    bytes += encoded.length;
    return encoded;
  };
  const anchor =
    plan.anchor === undefined ? undefined : counted(new Uint8Array(model.anchor.toWire(plan.anchor.entry)));
  const inner = plan.inner === undefined ? undefined : counted(new Uint8Array(plan.inner));
  const qcs = plan.commitQCs?.append ?? [];
  const commitQCs = qcs.map((qc) => counted(encodeFrame(model.commitQC.toWire(qc))));
  const lanes = new Map<LaneId, Uint8Array[]>();
  for (const [lane, { append }] of plan.lanes) {
    const frames = append.map((block) => counted(encodeFrame(model.block.toWire(block))));
    lanes.set(lane, frames);
  }
  return { anchor, inner, commitQCs, lanes, bytes };
}
