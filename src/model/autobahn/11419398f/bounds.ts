/**
 * Bounds the places that a validator may have signed, from the progress of the others. Let CommitQC
 * c be the highest one in the answers of N-f others. Up to f of them may lie. The validator has
 * stopped before the answers.
 *
 * - Rounds: it signs in road q only with CommitQC q-1. One signer of that CommitQC is honest and
 *   has answered; it has CommitQC q-2, so q <= c+2. A view above 0 needs a TimeoutQC, whose signers
 *   have CommitQC q-1, so then q <= c+1.
 * - App votes: it votes only for roads whose CommitQC it has: up to c+1.
 * - Votes for blocks: a lane admits 30 blocks from where the anchor has it begin; the signers of
 *   the anchor's AppQC have its CommitQC, so that is at most CommitQC c. Later versions of the
 *   protocol begin a lane at the end of the anchor's range, which is why the bound does, too.
 *
 * test/model/bounds.test.ts enumerates this for small committees.
 */
import { type LaneId, laneIdOf, maxU64 } from '../../../keys/index.js';
import type { PeerReach, Position, SigningBounds } from '../../model.js';
import { globalRange } from './proposal.js';
import type { CommitQC } from './types.js';

/** Numbers from the beginning of a lane to the last one that it admits. */
const LANE_MARGIN = 29n;

/** What a validator may have signed at most; see the top of this file. */
export function bounds({ signer, validators, lanes, next, reached, following }: PeerReach): SigningBounds {
  const own = laneIdOf(signer);
  const logs = new Map<string, Position>();
  for (const log of ['proposal', 'prepare', 'commit', 'timeout']) logs.set(log, [next + 1n, 0n]);
  if (following !== undefined) {
    const end = globalRange((following as CommitQC).vote).next;
    logs.set('app', [maxU64(end, 1n) - 1n]);
  }
  const margins = new Map<LaneId, bigint>();
  for (const lane of [...validators.map(laneIdOf), ...lanes]) margins.set(lane, LANE_MARGIN);
  const ranges = reached === undefined ? [] : (reached as CommitQC).vote.laneRanges;
  for (const range of ranges) margins.set(laneIdOf(range.lane), range.next + LANE_MARGIN);
  margins.delete(own);
  return { logs, lanes: margins, own };
}
