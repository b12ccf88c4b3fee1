/** From a plan to the step of a batch: every entry encoded, in the order in which the batch will have it. */
import { ANCHOR_KEY, INNER_KEY, type LaneId } from '../../keys/index.js';
import type { EntryCodec, Model } from '../../model/model.js';
import type { LogPlan, Plan } from '../planner.js';
import { type LogName, type LogStep, logKeys, QC_LOG, type RoundStep, type SingleStep } from './batch.js';
import { type EncodedRecord, encodeEntry, encodeRecord } from './record.js';

/** An encoded plan. */
export interface EncodedPlan {
  readonly step: RoundStep;
  /** The lanes that it touches, and those that its anchor names: one that is being dropped must be gone before the anchor is stored. */
  readonly lanes: ReadonlySet<LaneId>;
  /** Bytes of all keys and values that it puts. */
  readonly bytes: number;
}

/** Encodes a plan. Afterwards the caller's objects and buffers may change. */
export function encodePlan<B, Q, A>(model: Model<B, Q, A>, plan: Plan<B, Q, A>): EncodedPlan {
  const step: { anchor?: SingleStep; inner?: SingleStep; logs: LogStep[] } = { logs: [] };
  let bytes = 0;
  const put = (key: string, record: EncodedRecord): SingleStep => {
    bytes += key.length + record.bytes.length;
    return { key, value: record.bytes, crc: record.crc };
  };
  const log = <T>(name: LogName, codec: EntryCodec<T>, { truncate, append, after }: LogPlan<T>) => {
    const first = after.next - BigInt(append.length);
    const keyOf = logKeys(name);
    const puts = append.map((entry, i) => {
      const key = keyOf(first + BigInt(i));
      return put(key, encodeEntry(key, codec, entry));
    });
    step.logs.push({ log: name, truncate, puts, after });
  };
  if (plan.anchor !== undefined)
    step.anchor = put(ANCHOR_KEY, encodeEntry(ANCHOR_KEY, model.anchor, plan.anchor.entry));
  if (plan.inner !== undefined) step.inner = put(INNER_KEY, encodeRecord(INNER_KEY, plan.inner));
  if (plan.commitQCs !== undefined) log(QC_LOG, model.commitQC, plan.commitQCs);
  for (const [lane, lanePlan] of plan.lanes) log(lane, model.block, lanePlan);
  const named = plan.anchor?.point.laneStarts.keys() ?? [];
  return { step, lanes: new Set([...plan.lanes.keys(), ...named]), bytes };
}
