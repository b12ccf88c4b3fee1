/** What the commit queue takes: what callers ask for, and what goes on in the background asks for. */
import type { LaneId } from '../../../keys/index.js';
import type { EncodedRound, RelocateStep, SweepStep } from '../format/step.js';
import type { BatchBuilder } from './batch.js';

/** What can be accepted: a round, or lanes to drop. */
export type Work =
  | {
      readonly kind: 'round';
      readonly round: EncodedRound;
      readonly bytes: number;
      /** Blocks and CommitQCs that it puts. */
      readonly entries: number;
    }
  | { readonly kind: 'drop'; readonly lanes: readonly LaneId[]; readonly bytes: 0; readonly entries: 0 };

/** True if the work touches one of the lanes, or if its anchor names one: a lane that is being dropped must be gone before. */
export function touchesAny(work: Work, lanes: ReadonlySet<LaneId>): boolean {
  if (work.kind === 'drop') return work.lanes.some((lane) => lanes.has(lane));
  const { lanes: plans, anchor } = work.round;
  for (const lane of lanes) if (plans.has(lane) || anchor?.point.laneStarts.has(lane) === true) return true;
  return false;
}

/** What goes on in the background asks for; it goes first in the next batch. */
export type Maintenance =
  | { readonly kind: 'sweep'; readonly step: SweepStep }
  | { readonly kind: 'relocate'; readonly step: RelocateStep }
  | { readonly kind: 'empty'; readonly lanes: readonly LaneId[] }
  | { readonly kind: 'drop'; readonly lanes: readonly LaneId[] };

/** Adds maintenance to a batch, before its rounds. */
export function applyMaintenance(batch: BatchBuilder, work: Maintenance): void {
  switch (work.kind) {
    case 'sweep':
      batch.sweep(work.step);
      break;
    case 'relocate':
      batch.relocate(work.step);
      break;
    case 'empty':
      for (const lane of work.lanes) batch.empty(lane);
      break;
    case 'drop':
      for (const lane of work.lanes) batch.drop(lane);
      break;
  }
}
