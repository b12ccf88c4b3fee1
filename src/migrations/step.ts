/** A step from one format of the store to the next: what it works on, and what it reports. */
import type { Engine } from '../adapter/level/conversion.js';
import type { EntryChecks } from '../model/checks.js';
import type { Model } from '../model/model.js';

/** What a step works on. */
export interface StepContext<B, Q, A> {
  readonly engine: Engine;
  readonly model: Model<B, Q, A>;
  readonly checks: EntryChecks<B, Q, A>;
  readonly location: string;
  /** Check and count, write nothing. */
  readonly dryRun: boolean;
  readonly onProgress: ((entries: number) => void) | undefined;
}

/** What a step did, or would do. */
export interface StepResult {
  readonly from: number;
  readonly to: number;
  /** Records that were converted now; in a step that goes on after a crash, the rest. */
  readonly entries: number;
  /** Entries below the anchor, which were removed. */
  readonly stale: number;
}

/** A step of the registry. */
export interface SchemaStep {
  readonly from: number;
  readonly to: number;
  run<B, Q, A>(context: StepContext<B, Q, A>): Promise<Omit<StepResult, 'from' | 'to'>>;
}
