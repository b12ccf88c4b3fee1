/** Values derived from a proposal. */
import { U64_MAX } from '../../../keys/index.js';
import { same } from '../verifying.js';
import type { Lane, LaneRange, Proposal } from './types.js';

/** A range [first, next) of global block numbers. */
export interface GlobalRange {
  readonly first: bigint;
  readonly next: bigint;
}

/**
 * The global numbers of the blocks that a proposal orders: from `globalFirst` on, as many as its
 * lane ranges have. In u64 arithmetic, as in the original.
 */
export function globalRange({ globalFirst, laneRanges }: Proposal): GlobalRange {
  const next = laneRanges.reduce((sum, range) => sum + range.next - range.first, globalFirst);
  return { first: globalFirst, next: next & U64_MAX };
}

/** The range of one lane, or undefined if the proposal has none. */
export function laneRangeOf({ laneRanges }: Proposal, lane: Lane): LaneRange | undefined {
  return laneRanges.find((range) => same(range.lane, lane));
}
