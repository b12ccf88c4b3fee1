/**
 * The port, the backend that stores nothing, and what a backend of one's own is made of: {@link
 * BasePersistence} on top of the planner. The real backends stand in folders below.
 */

export {
  AdmissionGate,
  type AdmissionLimits,
  admissionLimits,
  type Cost,
  freeOfCost,
  type LimitOptions,
  type PlanLimitOptions,
  type Resource,
} from './backpressure.js';
export { BasePersistence } from './base-persistence.js';
export type { WitnessProof } from './history-rules.js';
export { fireHooks, type HookFailure } from './hooks.js';
export { type NoopOptions, openNoop } from './noop.js';
export type * from './persistence.js';
export { type AnchorPoint, advance, emptyState, type LogPlan, type LogPlans, type PlanState } from './planner.js';
export {
  anchorPoint,
  checkedEntries,
  type Encoded,
  type EntryEncoder,
  isNoop,
  type Plan,
  type Unencoded,
} from './round-plan.js';
export {
  formatHistory,
  type HandoverRequest,
  HISTORY_FORMAT,
  type HistorySinks,
  type LaneHistory,
  parseHistory,
  type SigningHistory,
} from './signing-history.js';
export {
  NO_VOTES,
  type VoteChange,
  type VoteRefusal,
  type VoteVerdict,
  withLaneFloors,
  withQuarantine,
} from './vote-rules.js';
export type { StoreBatch, WitnessSet } from './witness-set.js';
