/** The port, the planner, and the backend that stores nothing. The real backends stand in folders below. */

export type { LimitOptions, PlanLimitOptions } from './backpressure.js';
export { type NoopOptions, openNoop } from './noop.js';
export type * from './persistence.js';
export {
  type AnchorPlan,
  type AnchorPoint,
  advance,
  anchorPoint,
  emptyState,
  isNoop,
  type LogPlan,
  type Plan,
  type PlanState,
  planCommitQCs,
  planLane,
  planRound,
} from './planner.js';
