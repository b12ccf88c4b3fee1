/** Values derived from a proposal. */
import type { GlobalRange, Proposal } from './types.js';

/**
 * The global numbers of the blocks that a proposal orders: the sums of its lanes' `first` and of
 * their `next`, in u64 arithmetic as in the original at 11419398f
 * (sei-tendermint/internal/autobahn/types/proposal.go).
 */
export function globalRange({ laneRanges }: Proposal): GlobalRange {
  let first = 0n;
  let next = 0n;
  for (const range of laneRanges) {
    first += range.first;
    next += range.next;
  }
  return { first: BigInt.asUintN(64, first), next: BigInt.asUintN(64, next) };
}
