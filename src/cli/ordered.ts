/** Which CommitQC orders which blocks of a store. */
import type { LaneId, Model, StoreView } from '../index.js';

/** The blocks that a CommitQC orders in one lane: [first, next). */
export interface OrderedRange {
  readonly first: bigint;
  /** Null if the CommitQC of the next road index is not readable. */
  readonly next: bigint | null;
}

/** The blocks that each CommitQC of the view orders, by road index and lane. Omits damaged ones. */
export async function orderedBlocks<B, Q, A>(
  view: StoreView<B, Q, A>,
  { commitQC }: Model<B, Q, A>,
): Promise<Map<bigint, ReadonlyMap<LaneId, OrderedRange>>> {
  const starts = new Map<bigint, ReadonlyMap<LaneId, bigint>>();
  for await (const item of view.commitQCs())
    if ('entry' in item) starts.set(item.number, new Map(commitQC.laneStarts(item.entry)));
  const ordered = new Map<bigint, ReadonlyMap<LaneId, OrderedRange>>();
  for (const [road, lanes] of starts) {
    const after = starts.get(road + 1n);
    const ranges = [...lanes].map(
      ([lane, first]) => [lane, { first, next: after === undefined ? null : (after.get(lane) ?? null) }] as const,
    );
    ordered.set(road, new Map(ranges));
  }
  return ordered;
}
