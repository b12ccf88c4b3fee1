/**
 * Steps from one format of the level store to the next, in place. Each step is checked in full
 * before it writes. It runs in synced batches, and continues after a crash from any of them. Its
 * last batch writes the new format: before that the store does not open.
 *
 *   0 -> 2   keys get their padding, bodies their record with crc, the store its tip, schema, votes
 *   1 -> 2   the store gets its votes
 *
 * A store of an older format may be an old copy of one that went on to sign, so either step leaves
 * every part of the votes closed.
 *
 * The location is examined in three stages: its names, then LevelDB's files, then a private copy of
 * the database. Only a sound store of an older format is opened in place: LevelDB writes as soon as
 * it is opened, and would replace a damaged log.
 */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  coded,
  Engine,
  examineCopy,
  FORMAT,
  openDatabase,
  readFormat,
  type StorePaths,
  storePaths,
} from '../adapter/level/conversion.js';
import { lockDirectory, openLocked, refuseIfOpenHere } from '../adapter/lock.js';
import { boolean, callback, fields, required, string } from '../base/options.js';
import { LanestoreError } from '../errors.js';
import type { EntryChecks } from '../model/checks.js';
import type { Model } from '../model/model.js';
import { checkEntryChecks, MODEL_CHECK } from '../model/option-checks.js';
import { detectLayout } from './layout.js';
import type { SchemaStep, StepResult } from './step.js';
import { convertFormat0 } from './step-0-2.js';
import { addVotes, checkFormat1 } from './step-1-2.js';

/** Ascending; the last `to` is the format of this version. */
const SCHEMA_STEPS: readonly SchemaStep[] = [
  { from: 0, to: FORMAT, run: convertFormat0 },
  { from: 1, to: FORMAT, check: checkFormat1, run: addVotes },
];

/** Options of {@link migrateStore}. */
export interface MigrateStoreOptions<B, Q, A> {
  readonly model: Model<B, Q, A>;
  /** The checks of each entry, as for an import. */
  readonly checks: EntryChecks<B, Q, A>;
  /** Check only: nothing is written. Default false. */
  readonly dryRun?: boolean;
  /** Called repeatedly with the number of converted entries. */
  readonly onProgress?: (entries: number) => void;
}

const checkMigrateOptions = fields<MigrateStoreOptions<unknown, unknown, unknown>>({
  ...MODEL_CHECK,
  checks: required(checkEntryChecks),
  dryRun: boolean,
  onProgress: callback(),
});

/** The result of {@link migrateStore}. */
export interface MigrateStoreReport {
  readonly location: string;
  readonly from: number;
  readonly to: number;
  /** Empty if the store has the format of this version already. */
  readonly steps: readonly StepResult[];
  /** Observations in LevelDB's files that are not damage, such as the torn tail of a crash. */
  readonly notes: readonly string[];
}

/**
 * Converts the store in `location` to the format of this version, in place. No node may run on it.
 * If the process dies, the store does not open (LANESTORE_SCHEMA) until a further call has
 * finished; nothing is lost. A dry run reads a private copy, takes no lock and writes nothing into
 * the location; the same holds for a call that is refused, or that finds the format of this
 * version.
 * @throws LANESTORE_NOT_A_STORE, which names the layout if it is one of the original's;
 * LANESTORE_LOCKED; LANESTORE_SCHEMA for a newer format; LANESTORE_CORRUPT, LANESTORE_ROLLED_BACK
 * with findings if LevelDB's files are damaged; LANESTORE_IMPORT with findings if the content does
 * not match its format; LANESTORE_IO.
 * @example
 * ```ts
 * import { autobahn, entryChecks, migrateStore } from 'lanestore';
 *
 * const options = { model: autobahn, checks: entryChecks(), dryRun: true };
 * const { from, to, steps } = await migrateStore('state', options);
 * const plan = `${steps.length} steps from format ${from} to ${to}`;
 * console.log(steps.length === 0 ? `it has format ${to}` : plan);
 * ```
 */
export async function migrateStore<B, Q, A>(
  location: string,
  options: MigrateStoreOptions<B, Q, A>,
): Promise<MigrateStoreReport> {
  string(location, 'migrateStore: location');
  checkMigrateOptions(options, 'migrateStore: options');
  const paths = await levelPaths(location);
  if (options.dryRun === true) return onCopy(paths, options, { dryRun: true }).catch(rethrowCoded);
  const unlock = await lockDirectory(paths.location);
  try {
    const lockFile = join(paths.level, 'LOCK');
    refuseIfOpenHere(lockFile);
    const found = await onCopy(paths, options, { dryRun: false }).catch(rethrowCoded);
    if (found.from === FORMAT) return found;
    const { db, lock } = await openLocked(lockFile, () => openDatabase(paths.level, {}, false));
    try {
      const engine = new Engine(db);
      const from = await readFormat(engine, options.model.name, existsSync(paths.witness));
      const steps = await runSteps(engine, from, paths, options, false);
      return { ...found, steps };
    } finally {
      lock?.close();
      await db.close();
    }
  } finally {
    unlock();
  }
}

/**
 * The paths of a location that holds a level store, by the names in it.
 * @throws LANESTORE_NOT_A_STORE, LANESTORE_IMPORT.
 */
async function levelPaths(location: string): Promise<StorePaths> {
  const { location: path, layout } = await detectLayout(location);
  if (layout !== 'level') {
    const what = `is a state directory of the original (layout ${layout}), not a store`;
    throw new LanestoreError('LANESTORE_NOT_A_STORE', `${path} ${what}: "lanestore import" makes a store of it`, {
      remedy: 'make a store of it ("lanestore import", importState); a migration is for stores of an older format',
    });
  }
  return storePaths(path);
}

/** Determines the format, and, in a dry run, the results of the steps. The store is only read. */
function onCopy<B, Q, A>(
  paths: StorePaths,
  options: MigrateStoreOptions<B, Q, A>,
  { dryRun }: { readonly dryRun: boolean },
): Promise<MigrateStoreReport> {
  return examineCopy(paths, { model: options.model, depth: 'format' }, async ({ format = FORMAT, notes }, engine) => {
    for (const step of stepsFrom(format)) await step.check?.({ model: options.model, location: paths.location });
    const steps = dryRun ? await runSteps(engine, format, paths, options, true) : [];
    return { location: paths.location, from: format, to: FORMAT, steps, notes };
  });
}

function rethrowCoded(error: unknown): never {
  throw coded(error);
}

async function runSteps<B, Q, A>(
  engine: Engine,
  from: number,
  { location }: StorePaths,
  { model, checks, onProgress }: MigrateStoreOptions<B, Q, A>,
  dryRun: boolean,
): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (const step of stepsFrom(from)) {
    const result = await step.run({ engine, model, checks, location, dryRun, onProgress });
    results.push({ from: step.from, to: step.to, ...result });
  }
  return results;
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
