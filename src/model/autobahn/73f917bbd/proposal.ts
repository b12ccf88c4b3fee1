/** Values derived from a proposal. */
import { U64_MAX } from '../../../keys/index.js';
import type { GlobalRange, Proposal } from './types.js';

/**
 * The global numbers of the blocks that a proposal orders: from `globalFirst` on, as many as its
 * lane ranges have. In u64 arithmetic, as in the original.
 */
export function globalRange({ globalFirst, laneRanges }: Proposal): GlobalRange {
  const next = laneRanges.reduce((sum, range) => sum + range.next - range.first, globalFirst);
  return { first: globalFirst, next: next & U64_MAX };
}
