/**
 * Steps from one format of the level store to the next, in place. Each is checked in full before it writes, runs in synced batches that
 * leave a state from which it goes on after a crash, and ends with the one batch that names the new format: until then no store opens.
 *
 *   0 -> 1   keys get their padding, bodies their record with crc, and the store its tip and schema
 */
import { join } from 'node:path';
import { openDatabase } from '../adapter/level/database.js';
import { Engine } from '../adapter/level/engine.js';
import { storedFormat } from '../adapter/level/format.js';
import { storePaths } from '../adapter/level/paths.js';
import { FORMAT } from '../adapter/level/schema.js';
import { lockDirectory, refuseIfOpenHere } from '../adapter/lock.js';
import { boolean, callback, fields, required, string } from '../base/options.js';
import { LanestoreError } from '../errors.js';
import type { EntryChecks } from '../model/checks.js';
import type { Model } from '../model/model.js';
import { checkEntryChecks, MODEL_CHECK } from '../model/option-checks.js';
import { realDirectory } from './layout.js';
import { convertFormat0 } from './step-0-1.js';

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
interface SchemaStep {
  readonly from: number;
  readonly to: number;
  run<B, Q, A>(context: StepContext<B, Q, A>): Promise<Omit<StepResult, 'from' | 'to'>>;
}

/** Ascending; each `to` is the next one's `from`, the last is the format of this version. */
const SCHEMA_STEPS: readonly SchemaStep[] = [{ from: 0, to: 1, run: convertFormat0 }];

/** Options of {@link migrateStore}. */
export interface MigrateStoreOptions<B, Q, A> {
  readonly model: Model<B, Q, A>;
  /** As for an import. */
  readonly checks: EntryChecks<B, Q, A>;
  /** Check only: nothing is written. Default false. */
  readonly dryRun?: boolean;
  /** Called with the number of entries that are converted, now and then. */
  readonly onProgress?: (entries: number) => void;
}

const checkMigrateOptions = fields<MigrateStoreOptions<unknown, unknown, unknown>>({
  ...MODEL_CHECK,
  checks: required(checkEntryChecks),
  dryRun: boolean,
  onProgress: callback(),
});

/** What {@link migrateStore} did. */
export interface MigrateStoreReport {
  readonly location: string;
  readonly from: number;
  readonly to: number;
  /** Empty if the store has the format of this version already. */
  readonly steps: readonly StepResult[];
}

/**
 * Brings the store in `location` to the format of this version, in place. No node may run on it. If the process dies, the store does
 * not open (LANESTORE_SCHEMA) until this was called again and has finished; nothing is lost.
 * @throws LANESTORE_NOT_A_STORE; LANESTORE_LOCKED; LANESTORE_SCHEMA for a newer format; LANESTORE_IMPORT with findings if the content
 * is not what its format says, then nothing was written; LANESTORE_IO; LANESTORE_CORRUPT.
 */
export async function migrateStore<B, Q, A>(
  location: string,
  options: MigrateStoreOptions<B, Q, A>,
): Promise<MigrateStoreReport> {
  string(location, 'migrateStore: location');
  checkMigrateOptions(options, 'migrateStore: options');
  const { model, checks, dryRun = false, onProgress } = options;
  const paths = storePaths(await realDirectory(location));
  const unlock = lockDirectory(paths.location);
  try {
    refuseIfOpenHere(join(paths.level, 'LOCK'));
    const db = await openDatabase(paths.level, {}, false);
    try {
      const engine = new Engine(db);
      const from = await storedFormat(engine);
      if (from === undefined) {
        throw new LanestoreError('LANESTORE_NOT_A_STORE', `${paths.level} holds neither a store nor what format 0 has`);
      }
      const steps: StepResult[] = [];
      for (const step of stepsFrom(from)) {
        const { location: place } = paths;
        const result = await step.run({ engine, model, checks, location: place, dryRun, onProgress });
        steps.push({ from: step.from, to: step.to, ...result });
      }
      return { location: paths.location, from, to: FORMAT, steps };
    } finally {
      await db.close();
    }
  } finally {
    unlock();
  }
}

/** The steps that lead from `format` to this version's. @throws LANESTORE_SCHEMA naming both. */
function stepsFrom(format: number): readonly SchemaStep[] {
  const steps: SchemaStep[] = [];
  for (let at = format; at < FORMAT; ) {
    const step = SCHEMA_STEPS.find(({ from }) => from === at);
    if (step === undefined) break;
    steps.push(step);
    at = step.to;
  }
  if ((steps.at(-1)?.to ?? format) === FORMAT) return steps;
  const what = `the store has format ${format}; this version has format ${FORMAT} and knows no way from one to the other`;
  throw new LanestoreError('LANESTORE_SCHEMA', `${what}; use the version that wrote it`);
}
