/** Plans of calls whose entries are checked and not encoded. */

import { ownList, ownRound } from '../../src/adapter/arguments.js';
import type { PlanState, Round } from '../../src/adapter/index.js';
import {
  checkedEntries,
  type Plan,
  planCommitQCs as planEncodedCommitQCs,
  planLane as planEncodedLane,
  planRound as planEncodedRound,
  startsOncePerTurn,
} from '../../src/adapter/round-plan.js';
import type { LaneId } from '../../src/keys/index.js';
import type { Model } from '../../src/model/model.js';

export function planRound<B, Q, A>(
  model: Model<B, Q, A>,
  state: Readonly<PlanState>,
  round: Round<B, Q, A>,
  entriesMax?: number,
): Plan<B, Q, A> {
  return planEncodedRound(model, state, ownRound(round, entriesMax), checkedEntries(model));
}

export function planLane<B, Q, A>(
  model: Model<B, Q, A>,
  state: Readonly<PlanState>,
  lane: LaneId,
  anchorQC: Q | undefined,
  blocks: Iterable<B>,
  entriesMax?: number,
): Plan<B, Q, A> {
  return planEncodedLane(
    model,
    state,
    lane,
    anchorQC,
    ownList(blocks, 'blocks', entriesMax),
    checkedEntries(model),
    startsOncePerTurn(model, state),
  );
}

export function planCommitQCs<B, Q, A>(
  model: Model<B, Q, A>,
  state: Readonly<PlanState>,
  anchorQC: Q | undefined,
  commitQCs: readonly Q[],
  entriesMax?: number,
): Plan<B, Q, A> {
  return planEncodedCommitQCs(
    model,
    state,
    anchorQC,
    ownList(commitQCs, 'commitQCs', entriesMax),
    checkedEntries(model),
  );
}
