/** The headers that a CommitQC orders, found backwards by their hashes. */
import { appendAll } from '../base/lists.js';
import { laneIdOf } from '../keys/index.js';
import type { BlockHeader, CommitQC, FullCommitQC, LaneRange } from '../model/autobahn/index.js';
import type { Inner } from './inner.js';
import type { Waiters } from './waiters.js';

/** A CommitQC with its headers, lane after lane; waits until they are known. Undefined when one of the lanes was pruned. */
export async function fullCommitQC(
  inner: Inner,
  waiters: Waiters,
  qc: CommitQC,
  signal?: AbortSignal,
): Promise<FullCommitQC | undefined> {
  const headers: BlockHeader[] = [];
  for (const range of qc.vote.laneRanges) {
    const found = await rangeHeaders(inner, waiters, range, signal);
    if (found === undefined) return undefined;
    appendAll(headers, found);
  }
  return { qc, headers };
}

/** The headers of one range, from the hash of its last one back to its first: each names its parent. */
async function rangeHeaders(
  inner: Inner,
  waiters: Waiters,
  { lane: key, first, next, lastHash }: LaneRange,
  signal?: AbortSignal,
): Promise<BlockHeader[] | undefined> {
  const id = laneIdOf(key);
  const headers: BlockHeader[] = [];
  let wanted = lastHash;
  for (let number = next - 1n; number >= first; number--) {
    const header = await waiters.until(
      [`blocks ${id}`, `votes ${id}`],
      () => {
        const lane = inner.lanes.get(id);
        if (lane === undefined || lane.votes.first > first) return 'pruned';
        return lane.header(number, wanted);
      },
      signal,
    );
    if (header === 'pruned') return undefined;
    headers.push(header);
    wanted = header.parentHash;
  }
  return headers.reverse();
}
