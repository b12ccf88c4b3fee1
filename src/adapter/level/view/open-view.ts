/**
 * Opening a view: a private copy of the store, made while a node may be writing (copy.ts), opened, and checked like a store is at open.
 * The node's lock is not taken, and the location only read.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { closeAll } from '../../../base/close-stack.js';
import { type CopyPlace, makeCopyPlace } from '../../../base/copy-place.js';
import { appendAll } from '../../../base/lists.js';
import { boolean, fields, string } from '../../../base/options.js';
import { type Finding, isLanestoreError, LanestoreError } from '../../../errors.js';
import type { Model } from '../../../model/model.js';
import { MODEL_CHECK } from '../../../model/option-checks.js';
import { FindingList } from '../../finding-list.js';
import { type CopyOptions, copyStore, type StoreCopy } from '../copy/copy.js';
import { copyValues, freezeValues } from '../copy/copy-values.js';
import { type Database, openDatabase } from '../database.js';
import { Engine } from '../engine.js';
import { corruptionError } from '../format/corruption-error.js';
import { type StorePaths, storePaths } from '../format/paths.js';
import type { Tip } from '../format/tip.js';
import { parseWitness, WITNESS_FILE, Witness } from '../format/witness.js';
import { judgeWitness } from '../format/witness-check.js';
import { coded, readStoreSchema } from '../open/open.js';
import { type Examination, examine, readTip } from '../open/recovery.js';
import { checkTableCheckBytes, preflight } from '../preflight/index.js';
import { LevelView } from './level-view.js';
import { existingStore, filesOf, missingLevel } from './looked-at.js';
import { probe, type Salvage, salvage } from './salvage.js';
import type { StoreView, WitnessView } from './store-view.js';

/** Options of {@link openView}. */
export interface ViewOptions<B, Q, A> {
  readonly model: Model<B, Q, A>;
  /**
   * Where the copy is made; an existing directory, not in the location. Default: beside the location, where tables can be hard links; if that
   * is not possible, the system's directory for temporary files, where they are copied.
   */
  readonly directory?: string;
  /** As in `openLevel`. Default 1 GiB. */
  readonly tableCheckBytesMax?: number;
  /** @internal False: check no entries, for a caller that is going to read each of them. Default true. */
  readonly examine?: boolean;
}

/** Those that views for any purpose have. */
export const VIEW_CHECKS = { ...MODEL_CHECK, directory: string, examine: boolean };

const checkViewOptions = fields<ViewOptions<unknown, unknown, unknown>>({
  ...VIEW_CHECKS,
  tableCheckBytesMax: checkTableCheckBytes,
});

/** How a view is made, beside what callers say. */
export interface CopyViewOptions extends CopyOptions {
  readonly tableCheckBytesMax?: number | undefined;
  /** As in {@link ViewOptions}. */
  readonly examine?: boolean | undefined;
  /** Have another process read all of LevelDB first. */
  readonly probe?: boolean;
}

/** Copies that are begun because value files went away meanwhile. */
const COPIES_MAX = 20;
/** After so many of them the value files are held. */
const GENTLE_COPIES_MAX = 3;

/** Findings that a view holds at most; it counts them all. */
const FINDINGS_MAX = 100_000;

/**
 * Opens a view of the store in `location`, whether a node runs on it or not, on a private copy of it that `close` removes. It holds all that
 * was acknowledged before the call. All live records are read and checked.
 * @throws LANESTORE_NOT_A_STORE, LANESTORE_SCHEMA, LANESTORE_IO, LANESTORE_INVALID (a directory in the location). Damage does not
 * throw: it is in `findings`.
 */
export async function openView<B, Q, A>(location: string, options: ViewOptions<B, Q, A>): Promise<StoreView<B, Q, A>> {
  string(location, 'openView: location');
  checkViewOptions(options, 'openView: options');
  try {
    return await openCopied(location, options, {
      tableCheckBytesMax: options.tableCheckBytesMax,
      examine: options.examine,
    });
  } catch (error) {
    throw coded(error);
  }
}

/** A view, for what the copy is for. @throws as {@link openView}, not always coded. */
export async function openCopied<B, Q, A>(
  location: string,
  { model, directory }: ViewOptions<B, Q, A>,
  options: CopyViewOptions,
): Promise<StoreView<B, Q, A>> {
  const paths = existingStore(location);
  const missing = missingLevel(paths);
  if (missing !== undefined) return viewWithoutLevel(paths, model, missing);
  return viewIn(await makeCopyPlace(paths.location, directory), paths, model, options);
}

/** A view on a copy that is made in `place`; closing it, or failing, removes that. @throws as {@link openView}, not always coded. */
export async function viewIn<B, Q, A>(
  place: CopyPlace,
  paths: StorePaths,
  model: Model<B, Q, A>,
  options: CopyViewOptions = {},
): Promise<StoreView<B, Q, A>> {
  const opening = new Opening(paths, model, options);
  try {
    return await opening.open(storePaths(place.path), place.remove);
  } catch (error) {
    await closeAll([() => opening.closeDatabase(), place.remove]).catch(() => undefined);
    throw error;
  }
}

function viewWithoutLevel<B, Q, A>(
  paths: StorePaths,
  model: Model<B, Q, A>,
  refusal: LanestoreError,
): StoreView<B, Q, A> {
  const opening = new Opening(paths, model);
  opening.refuse(refusal);
  const isOdd = refusal.findings?.some(({ kind, file }) => kind === 'file-type' && file === WITNESS_FILE);
  const witness = isOdd === true ? undefined : Witness.read(paths.witness);
  return opening.view(undefined, { witness, tries: 0 }, async () => {});
}

/** A view in the making: collects what is wrong, in the order in which opening the store would stumble over it. */
class Opening<B, Q, A> {
  readonly #paths: StorePaths;
  readonly #model: Model<B, Q, A>;
  readonly #options: CopyViewOptions;
  readonly #findings = new FindingList(FINDINGS_MAX);
  #refusal: LanestoreError | undefined;
  #db: Database | undefined;
  readonly #notes: string[] = [];
  #values: string | undefined;

  constructor(paths: StorePaths, model: Model<B, Q, A>, options: CopyViewOptions = {}) {
    this.#paths = paths;
    this.#model = model;
    this.#options = options;
  }

  async open(copyPaths: StorePaths, remove: () => Promise<void>): Promise<StoreView<B, Q, A>> {
    const { copy, engine } = await this.#copy(copyPaths);
    this.#values = copyPaths.values;
    return this.view(engine === undefined ? undefined : await this.#look(engine, copy), copy, () =>
      closeAll([() => this.closeDatabase(), remove]),
    );
  }

  /**
   * The database, then the value files that it refers to. A file that is gone was given up by a batch that is not in the copy: all of it again.
   * One that the next copy refers to as well is missing, since numbers do not come back.
   */
  async #copy(copyPaths: StorePaths): Promise<{ copy: StoreCopy; engine: Engine | undefined }> {
    let missing = new Set<bigint>();
    for (let tries = 0, times = 1; times <= COPIES_MAX; times++) {
      const frozen = times > GENTLE_COPIES_MAX ? join(copyPaths.location, 'frozen') : undefined;
      if (frozen !== undefined) await freezeValues(this.#paths.values, frozen);
      const copy = await copyStore(this.#paths, copyPaths, this.#options);
      if (frozen !== undefined) await freezeValues(this.#paths.values, frozen);
      tries += copy.tries;
      const { engine, findings, notes } = await this.#openEngine(copyPaths, copy);
      const gone =
        engine === undefined
          ? new Set<bigint>()
          : await valuesGone(engine, this.#paths, copyPaths, { links: this.#options.links, frozen });
      if (frozen !== undefined) await rm(frozen, { recursive: true });
      if ([...gone].every((number) => missing.has(number))) {
        appendAll(this.#notes, notes);
        this.#findings.addList(findings);
        return { copy: { ...copy, tries }, engine };
      }
      missing = gone;
      await this.closeDatabase();
      await rm(copyPaths.level, { recursive: true });
    }
    throw new LanestoreError(
      'LANESTORE_IO',
      `${this.#paths.location} gives its value files up faster than they can be copied (${COPIES_MAX} times)`,
    );
  }

  async closeDatabase(): Promise<void> {
    await this.#db?.close();
  }

  /** Takes an error with which opening the store would be refused; the first one stands for all. */
  refuse(error: LanestoreError): void {
    this.#refusal ??= error;
    this.#findings.addAll(error.findings ?? []);
  }

  #refused(): LanestoreError | undefined {
    const { kept, total } = this.#findings;
    if (this.#refusal !== undefined) return withFindings(this.#refusal, kept);
    return total === 0 ? undefined : corruptionError(kept, total);
  }

  view(found: Found<B, Q, A> | undefined, copy: StoreCopy, release: () => Promise<void>): StoreView<B, Q, A> {
    const { examined, ...identity } = found ?? { engine: undefined, schema: undefined, tip: undefined };
    return new LevelView({
      ...identity,
      model: this.#model,
      values: this.#values,
      location: this.#paths.location,
      witness: { slots: slotsOf(copy), verdict: found?.verdict ?? 'unknown' },
      anchor: examined?.singles.anchor,
      inner: examined?.singles.inner,
      records: examined?.records ?? 0,
      bytes: examined?.bytes ?? 0,
      findings: this.#findings.kept,
      findingsTotal: this.#findings.total,
      notes: this.#notes,
      refusal: this.#refused(),
      files: filesOf(this.#paths.location),
      tries: copy.tries,
      release,
    });
  }

  /**
   * LevelDB on the copy, once preflight has found its files sound; or what another process could read of them. What is said of the copy's
   * files is said of the store's.
   */
  async #openEngine(copyPaths: StorePaths, { witness }: StoreCopy): Promise<Opened> {
    const { tableCheckBytesMax, probe: isProbed } = this.#options;
    const options = { witness, tableCheckBytesMax, findingsMax: FINDINGS_MAX };
    const { findings, findingsTotal, notes } = await preflight(copyPaths.level, options);
    const unsound = new FindingList(FINDINGS_MAX);
    unsound.addAll(this.#inStore(findings, copyPaths), findingsTotal);
    if (isProbed === true && findingsTotal === 0)
      unsound.addAll(this.#inStore(await probe(copyPaths.level), copyPaths));
    if (unsound.total > 0) return this.#salvage(copyPaths, unsound, notes);
    try {
      this.#db = await openDatabase(copyPaths.level, {}, false);
      return { engine: new Engine(this.#db), findings: unsound, notes };
    } catch (error) {
      if (!isLanestoreError(error, 'LANESTORE_CORRUPT')) throw error;
      unsound.addAll(this.#inStore(error.findings ?? [], copyPaths));
      return { engine: undefined, findings: unsound, notes };
    }
  }

  async #salvage(copyPaths: StorePaths, findings: FindingList, notes: readonly string[]): Promise<Opened> {
    const salvaged = join(copyPaths.location, 'salvaged');
    let found: Salvage;
    try {
      found = await salvage(copyPaths.level, salvaged);
    } catch (error) {
      if (!isLanestoreError(error, 'LANESTORE_IO')) throw error;
      // The damage is known, and more than the reason why nothing is shown.
      const note = `the database is not sound, and what can be read of it is missing here: ${error.message}`;
      return { engine: undefined, findings, notes: [...notes, note] };
    }
    if (!found.opened) return { engine: undefined, findings, notes };
    this.#db = await openDatabase(salvaged, {}, false);
    const more = [
      ...notes,
      'the database is not sound: another process read it, and what it could not read is missing here',
      ...this.#inStore(found.findings, copyPaths).map(({ detail }) => detail),
    ];
    return { engine: new Engine(this.#db), findings, notes: more };
  }

  #inStore(findings: readonly Finding[], copyPaths: StorePaths): Finding[] {
    const inStore = (text: string) => text.replaceAll(copyPaths.location, this.#paths.location);
    return findings.map((finding) => ({ ...finding, detail: inStore(finding.detail) }));
  }

  async #look(engine: Engine, { witness }: StoreCopy): Promise<Found<B, Q, A>> {
    const schema = await this.#orRefused(() => readStoreSchema(engine, this.#model.name, witness !== undefined));
    const tip = await this.#orRefused(() => readTip(engine, schema?.store));
    if (tip === undefined) return { engine, schema, tip, verdict: 'unknown', examined: undefined };
    const verdict = this.#judge(witness, tip);
    const examined = await this.#orRefused(() => this.#examine(engine, tip));
    return { engine, schema, tip, verdict, examined };
  }

  async #examine(engine: Engine, tip: Tip): Promise<Examination<B, Q, A>> {
    try {
      const examined = await examine(engine, this.#model, tip, {
        load: false,
        findingsMax: FINDINGS_MAX,
        singlesOnly: this.#options.examine === false,
        ...(this.#values === undefined ? {} : { values: this.#values }),
      });
      const { findings, findingsTotal } = examined;
      this.#findings.addAll(findings, findingsTotal);
      return examined;
    } catch (error) {
      throw coded(error);
    }
  }

  #judge(witness: Uint8Array | undefined, tip: Tip): WitnessView['verdict'] {
    const { provenSeq, notes, findings } = judgeWitness(witness, tip);
    appendAll(this.#notes, notes);
    const [finding] = findings;
    if (finding === undefined) return provenSeq === undefined ? 'torn' : provenSeq === tip.seq ? 'equal' : 'behind';
    // A torn tail that had been acknowledged: preflight has said it.
    if (!this.#findings.kept.some(({ kind }) => kind === finding.kind)) this.#findings.addAll(findings);
    const { kind } = finding;
    return kind === 'witness-ahead' ? 'ahead' : kind === 'witness-store' ? 'other-store' : 'damaged';
  }

  /** Damage of a record becomes findings; anything else is thrown. */
  async #orRefused<T>(read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!isLanestoreError(error, 'LANESTORE_CORRUPT')) throw error;
      this.refuse(error);
      return undefined;
    }
  }
}

/** A database that was opened, and what was found before. */
interface Opened {
  readonly engine: Engine | undefined;
  readonly findings: FindingList;
  readonly notes: readonly string[];
}

interface Found<B, Q, A> {
  readonly engine: Engine;
  readonly schema: Awaited<ReturnType<typeof readStoreSchema>> | undefined;
  readonly tip: Tip | undefined;
  readonly verdict: WitnessView['verdict'];
  readonly examined: Examination<B, Q, A> | undefined;
}

/** Damage of the database is found, and told, when it is examined. */
async function valuesGone(
  engine: Engine,
  from: StorePaths,
  to: StorePaths,
  how: { readonly links?: boolean | undefined; readonly frozen?: string | undefined },
): Promise<Set<bigint>> {
  try {
    return await copyValues(engine, from.values, to.values, how);
  } catch (error) {
    if ((error as { code?: string }).code === 'LEVEL_CORRUPTION') return new Set();
    throw error;
  }
}

function slotsOf({ witness }: StoreCopy): WitnessView['slots'] {
  return witness === undefined ? [] : parseWitness(witness);
}

function withFindings(error: LanestoreError, findings: readonly Finding[]): LanestoreError {
  const { code, message } = error;
  return new LanestoreError(code, message, { cause: error.cause, findings });
}
