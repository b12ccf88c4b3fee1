/** The headers that a CommitQC orders, found backwards by their hashes. */
import { appendAll } from '../base/lists.js';
import { laneIdOf } from '../keys/index.js';
import type { BlockHeader, CommitQC, FullCommitQC, LaneRange } from '../model/autobahn/index.js';
import { type Inner, indexOf } from './inner.js';
import type { Lane } from './lane.js';

/** A CommitQC with its headers, lane after lane; waits until they are known. Undefined when one of the lanes was pruned. */
export async function fullCommitQC(
  inner: Inner,
  qc: CommitQC,
  signal?: AbortSignal,
): Promise<FullCommitQC | undefined> {
  const headers: BlockHeader[] = [];
  // Looked up before the first wait: afterwards an id may mean a lane that has joined again.
  const lanes = qc.vote.laneRanges.map(({ lane }) => inner.laneOfRoad(laneIdOf(lane), indexOf(qc)));
  for (const [i, range] of qc.vote.laneRanges.entries()) {
    const found = await rangeHeaders(inner, lanes[i], range, signal);
    if (found === undefined) return undefined;
    appendAll(headers, found);
  }
  return { qc, headers };
}

/** The headers of one range, from the hash of its last one back to its first: each names its parent. */
async function rangeHeaders(
  inner: Inner,
  lane: Lane | undefined,
  { first, next, lastHash }: LaneRange,
  signal?: AbortSignal,
): Promise<BlockHeader[] | undefined> {
  if (first === next) return [];
  if (lane === undefined) return undefined;
  const headers: BlockHeader[] = [];
  let wanted = lastHash;
  for (let number = next - 1n; number >= first; number--) {
    const header = await inner.waiters.until(
      () => (inner.holds(lane) && lane.votes.first <= first ? lane.header(number, wanted) : 'pruned'),
      (ending) => lane.waiters.headers.wait(ending),
      signal,
    );
    if (header === 'pruned') return undefined;
    headers.push(header);
    wanted = header.parentHash;
  }
  return headers.reverse();
}
