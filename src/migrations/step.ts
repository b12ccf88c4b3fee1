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
export interface StepReport {
  /** Records that were converted now; in a step that goes on after a crash, the rest. */
  readonly entries: number;
  /** Entries below the anchor, which were removed. */
  readonly stale: number;
}

/** The same, with the formats. */
export interface StepResult extends StepReport {
  readonly from: number;
  readonly to: number;
}

/** A step of the registry. */
export interface SchemaStep {
  readonly from: number;
  readonly to: number;
  /**
   * Checks what the step needs beyond what it reads itself, before the store is opened in its
   * place.
   */
  check?<B, Q, A>(context: Pick<StepContext<B, Q, A>, 'model' | 'location'>): Promise<void>;
  run<B, Q, A>(context: StepContext<B, Q, A>): Promise<StepReport>;
}
