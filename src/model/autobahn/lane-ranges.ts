/** Lane ranges, as all versions have them. */
import type { Lane, LaneRange } from './types.js';

/** The range of one lane, or undefined if the proposal has none. */
export function laneRangeOf(
  { laneRanges }: { readonly laneRanges: readonly LaneRange[] },
  lane: Lane,
): LaneRange | undefined {
  return laneRanges.find((range) => Buffer.compare(range.lane, lane) === 0);
}
