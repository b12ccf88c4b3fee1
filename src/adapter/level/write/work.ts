/** What the commit queue takes: what callers ask for, and what goes on in the background asks for. */
import type { LaneId } from '../../../keys/index.js';
import type { RelocateStep, RoundStep, SweepStep } from '../format/step.js';
import type { BatchBuilder } from './batch.js';

/** What can be accepted: a round, or lanes to drop. */
export type Work =
  | {
      readonly kind: 'round';
      readonly step: RoundStep;
      readonly lanes: Iterable<LaneId>;
      readonly bytes: number;
      /** Blocks and CommitQCs that it puts. */
      readonly entries: number;
    }
  | { readonly kind: 'drop'; readonly lanes: readonly LaneId[]; readonly bytes: 0; readonly entries: 0 };

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
