/**
 * Opens a view: makes a private copy of the database, also while a node is writing, and runs
 * `examine` on the copy. The node's lock is not taken, and the location is only read.
 */
import { lstatSync } from 'node:fs';
import { join, relative } from 'node:path';
import { CloseStack } from '../../../base/close-stack.js';
import { makeCopyPlace } from '../../../base/copy-place.js';
import { entriesBelow } from '../../../base/directories.js';
import { boolean, fields, string } from '../../../base/options.js';
import type { Model } from '../../../model/model.js';
import { READ_MODEL_CHECK } from '../../../model/option-checks.js';
import { openCopy } from '../copy/copied-database.js';
import { coded } from '../database.js';
import type { Engine } from '../engine.js';
import { OLDEST_READ } from '../format/schema.js';
import type { Tip } from '../format/tip.js';
import { parseWitness } from '../format/witness.js';
import type { WitnessVerdict } from '../format/witness-check.js';
import { type Examined, examine, examineDatabase } from '../open/examine.js';
import { existingLocation } from '../open/location.js';
import { checkTableCheckBytes } from '../preflight/index.js';
import { LevelView } from './level-view.js';
import { probe, salvage } from './salvage.js';
import type { StoreFile, StoreView, WitnessView } from './store-view.js';

/** Options of {@link openView}. */
export interface ViewOptions<B, Q, A> {
  /** The store's model, or `rawModel` for a store of any model. */
  readonly model: Model<B, Q, A>;
  /**
   * Directory in which the copy is made; it exists, and is not in the location. Default: the parent
   * of the location, where tables can be hard links; if that is not possible, the system's
   * directory for temporary files, where they are copied.
   */
  readonly directory?: string;
  /** As in `openLevel`. Default 1 GiB. */
  readonly tableCheckBytesMax?: number;
  /**
   * @internal False: entries are not checked, because the caller reads each of them. Default true.
   */
  readonly examine?: boolean;
  /**
   * @internal False: value files are not in the copy, and separated values cannot be read. Default
   * true.
   */
  readonly values?: boolean;
  /**
   * @internal True: another process reads all of LevelDB first, because a damaged table can abort
   * the process that reads it. Default false.
   */
  readonly isProbed?: boolean;
}

/** The checks of options that all kinds of views share. */
export const VIEW_CHECKS = { ...READ_MODEL_CHECK, directory: string, examine: boolean, values: boolean };

const checkViewOptions = fields<ViewOptions<unknown, unknown, unknown>>({
  ...VIEW_CHECKS,
  tableCheckBytesMax: checkTableCheckBytes,
  isProbed: boolean,
});

/** Upper bound of findings that a view keeps; all are counted. */
const FINDINGS_MAX = 100_000;

/**
 * Opens a view of the store in `location`, whether a node runs on it or not. The view reads a
 * private copy, which `close` removes. It contains every round that was acknowledged before the
 * call. All live records are read and checked.
 * @throws LANESTORE_NOT_A_STORE, LANESTORE_SCHEMA, LANESTORE_IO, LANESTORE_INVALID (a directory in
 * the location). Damage does not throw: it is in `findings`.
 * @example
 * ```ts
 * import { autobahn, openView } from 'lanestore';
 *
 * const view = await openView('state', { model: autobahn });
 * for (const [lane, { first, next }] of view.cursors.lanes)
 *   console.log(`${lane}: blocks ${first} to ${next - 1n}`);
 * for await (const item of view.commitQCs())
 *   if ('entry' in item) console.log(item.entry.vote.view.index);
 * if (view.refusal !== undefined) console.error(view.refusal.message);
 * await view.close();
 * ```
 */
export async function openView<B, Q, A>(location: string, options: ViewOptions<B, Q, A>): Promise<StoreView<B, Q, A>> {
  string(location, 'openView: location');
  checkViewOptions(options, 'openView: options');
  try {
    return await viewOf(location, options);
  } catch (error) {
    throw coded(error);
  }
}

/** What only {@link viewOf} takes. */
interface ViewSettings {
  /** Called with the size of each read of LevelDB's files. */
  readonly onRead?: ((bytes: number) => void) | undefined;
  /** Called after each checked record, with the number of those so far and of all. */
  readonly onRecord?: ((done: number, total: number) => void) | undefined;
}

/**
 * Opens a view.
 * @throws as {@link openView}, not always coded.
 */
export async function viewOf<B, Q, A>(
  location: string,
  { model, directory, tableCheckBytesMax, examine: isExamined = true, values = true, isProbed }: ViewOptions<B, Q, A>,
  { onRead, onRecord }: ViewSettings = {},
): Promise<StoreView<B, Q, A>> {
  const held = new CloseStack();
  const findingsMax = FINDINGS_MAX;
  try {
    const paths = existingLocation(location);
    const found = await examine(paths, {
      model,
      depth: isExamined ? 'records' : 'singles',
      goesOn: true,
      oldestFormat: OLDEST_READ,
      findingsMax,
      onRecord,
      database: async () => {
        const place = await makeCopyPlace(paths.location, directory);
        held.add(place.remove);
        const reading = { salvage, probe: isProbed === true ? probe : undefined };
        return openCopy(paths, place.path, { values, tableCheckBytesMax, findingsMax, onRead, ...reading }, held);
      },
    });
    const { tip, verdict, witness } = found;
    return new LevelView({
      ...partsOf(found, model),
      values: found.database?.values,
      location: paths.location,
      witness: { slots: parseWitness(witness ?? new Uint8Array()), verdict: verdictIn(verdict, tip) },
      files: filesOf(paths.location),
      tries: found.database?.tries ?? 0,
      release: () => held.close(),
    });
  } catch (error) {
    await held.close().catch(() => undefined);
    throw error;
  }
}

/** What is looked at in a database that has neither files nor a witness. */
export interface DatabaseViewOptions<B, Q, A> {
  readonly model: Model<B, Q, A>;
  /** Its name, for people. */
  readonly location: string;
  readonly isExamined: boolean;
  /** Ends it. */
  readonly release: () => Promise<void>;
}

/** A view of a database that nothing writes to. @throws as {@link openView}. */
export async function examineView<B, Q, A>(
  engine: Engine,
  { model, location, isExamined, release }: DatabaseViewOptions<B, Q, A>,
): Promise<StoreView<B, Q, A>> {
  const found = await examineDatabase(engine, {
    model,
    depth: isExamined ? 'records' : 'singles',
    goesOn: true,
    oldestFormat: OLDEST_READ,
    findingsMax: FINDINGS_MAX,
  });
  const witness = { slots: [], verdict: 'unknown' } as const;
  return new LevelView({
    ...partsOf(found, model),
    values: undefined,
    location,
    witness,
    files: [],
    tries: 1,
    release,
  });
}

/** What a view says of what was found, wherever it is. */
function partsOf<B, Q, A>(found: Examined<B, Q, A>, model: Model<B, Q, A>) {
  const { tip, records, findings } = found;
  return {
    ...found,
    model,
    anchor: records?.singles.anchor,
    inner: records?.singles.inner,
    votes: tip === undefined || tip.votes === null ? undefined : records?.votes,
    records: records?.records ?? 0,
    bytes: records?.bytes ?? 0,
    findings: findings.kept,
    findingsTotal: findings.total,
  };
}

function verdictIn(verdict: WitnessVerdict | undefined, tip: Tip | undefined): WitnessView['verdict'] {
  if (verdict === undefined) return 'unknown';
  const [finding] = verdict.findings;
  if (finding !== undefined) {
    return finding.kind === 'witness-ahead' ? 'ahead' : finding.kind === 'witness-store' ? 'other-store' : 'damaged';
  }
  return verdict.provenSeq === undefined ? 'torn' : verdict.provenSeq === tip?.seq ? 'equal' : 'behind';
}

/**
 * Names and sizes of all files of a location. Symbolic links are not followed. A file that
 * disappears meanwhile is left out.
 */
function filesOf(location: string): StoreFile[] {
  const files: StoreFile[] = [];
  for (const entry of entriesBelow(location)) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat !== undefined) files.push({ name: relative(location, path), bytes: stat.size });
  }
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}
