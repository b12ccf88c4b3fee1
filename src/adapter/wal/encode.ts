/** A plan's entries as bytes, made while the call that brought them is still running. */
import type { LaneId } from '../../keys/index.js';
import type { Model } from '../../model/model.js';
import { checkRecordBytes } from '../backpressure.js';
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

/** @throws LANESTORE_INVALID, also for an entry that is too large, and whatever the model's toWire throws. */
export function encodePlan<B, Q, A>(
  model: Model<B, Q, A>,
  plan: Plan<B, Q, A>,
  recordBytesMax = Number.POSITIVE_INFINITY,
): EncodedPlan {
  let bytes = 0;
  const counted = (what: string, encoded: Uint8Array) => {
    checkRecordBytes(what, encoded.length, recordBytesMax);
    bytes += encoded.length;
    return encoded;
  };
  const anchor =
    plan.anchor === undefined
      ? undefined
      : counted('the anchor', new Uint8Array(model.anchor.toWire(plan.anchor.entry)));
  const inner = plan.inner === undefined ? undefined : counted('inner', new Uint8Array(plan.inner));
  const qcs = plan.commitQCs?.append ?? [];
  const commitQCs = qcs.map((qc) => counted('a CommitQC', encodeFrame(model.commitQC.toWire(qc))));
  const lanes = new Map<LaneId, Uint8Array[]>();
  for (const [lane, { append }] of plan.lanes) {
    const frames = append.map((block) => counted(`a block of lane ${lane}`, encodeFrame(model.block.toWire(block))));
    lanes.set(lane, frames);
  }
  return { anchor, inner, commitQCs, lanes, bytes };
}
