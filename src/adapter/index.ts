/** The port, the planner, and the backend that stores nothing. The real backends stand in folders below. */

export type { LimitOptions, PlanLimitOptions } from './backpressure.js';
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
  planCommitQCs,
  planLane,
  planRound,
  type Unencoded,
} from './round-plan.js';
export {
  NO_VOTES,
  type VoteChange,
  type VoteRefusal,
  type VoteVerdict,
  withLaneFloors,
  withQuarantine,
} from './vote-rules.js';
