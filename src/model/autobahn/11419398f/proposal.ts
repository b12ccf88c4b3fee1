/** Values derived from a proposal. */
import type { LaneRange, Proposal, PublicKey } from './types.js';

/** A range [first, next) of global block numbers. */
export interface GlobalRange {
  readonly first: bigint;
  readonly next: bigint;
}

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

/** The range of one lane, or undefined if the proposal orders none of its blocks. */
export function laneRangeOf({ laneRanges }: Proposal, lane: PublicKey): LaneRange | undefined {
  return laneRanges.find((range) => Buffer.compare(range.lane, lane) === 0);
}
