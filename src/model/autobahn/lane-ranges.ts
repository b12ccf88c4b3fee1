/** Lane ranges, as all versions have them. */
import { inside, Malformed } from './malformed.js';
import type { Lane, LaneRange } from './types.js';

/** The range of one lane, or undefined if the proposal has none. */
export function laneRangeOf(
  { laneRanges }: { readonly laneRanges: readonly LaneRange[] },
  lane: Lane,
): LaneRange | undefined {
  return laneRanges.find((range) => Buffer.compare(range.lane, lane) === 0);
}

/** The fault of a list of lane ranges that do not ascend; undefined if they do. */
export function ascending(ranges: readonly LaneRange[]): Malformed | undefined {
  for (let i = 1; i < ranges.length; i++) {
    if (!isBelow(ranges[i - 1]!.lane, ranges[i]!.lane)) {
      const fault = new Malformed('is not above the one before: lane ranges ascend, each lane once');
      return inside(`[${i}].lane`, fault) as Malformed;
    }
  }
  return undefined;
}

/** Compares two lanes, which nearly always differ in their first byte. */
function isBelow(a: Uint8Array, b: Uint8Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return (a[i] as number) < (b[i] as number);
  return false;
}
