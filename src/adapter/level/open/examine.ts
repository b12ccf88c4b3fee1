/**
 * The one way to look at a store. `openLevel`, views, `verify`, snapshots and migrations differ in
 * how the database is opened, how far they look, and what they do with the result.
 *
 *   1. names      the location holds a store, of regular files and directories only   location.ts
 *   2. database   the witness's bytes, then preflight, then LevelDB opens it:
 *                 in its place                                                        in-place.ts
 *                 or on a private copy                                                ../copy/
 *   3. identity   format, schema and model, tip; what the witness says of the tip     identity.ts
 *   4. records    every live record against the tip                                   recovery.ts
 *
 * Steps 1, 3 and 4 change nothing in the location. Step 2 changes something only in its place, and
 * only once preflight found LevelDB's files sound: until then LevelDB is not let near them. With
 * `goesOn` damage does not throw: it becomes a finding, and the first error that opening the store
 * would end with becomes `refusal`.
 */
import { CloseStack, releasing } from '../../../base/close-stack.js';
import { makeCopyPlace } from '../../../base/copy-place.js';
import { isLanestoreError, LanestoreError } from '../../../errors.js';
import type { Model } from '../../../model/model.js';
import { FindingList } from '../../finding-list.js';
import { type OpenedDatabase, openCopy } from '../copy/copied-database.js';
import { coded } from '../database.js';
import type { Engine } from '../engine.js';
import { corruptionError } from '../format/corruption-error.js';
import type { StorePaths } from '../format/paths.js';
import { FORMAT, olderNote, type Schema } from '../format/schema.js';
import type { Tip } from '../format/tip.js';
import { WITNESS_FILE, Witness } from '../format/witness.js';
import { judgeWitness, type WitnessVerdict } from '../format/witness-check.js';
import type { AcceptRollback } from '../options.js';
import { checkAccepted } from './accept-rollback.js';
import { readFormat, readStoreSchema, readTip } from './identity.js';
import { holdsStore } from './location.js';
import { type CheckedRecords, checkRecords } from './recovery.js';

/**
 * How far {@link examine} looks: the format only; schema and tip; anchor and inner, too; every live
 * record.
 */
export type Depth = 'format' | 'identity' | 'singles' | 'records';

/** How a database is looked at once it is open. */
export interface ContentOptions<B, Q, A> {
  readonly model: Model<B, Q, A>;
  readonly depth: Depth;
  /** Keep the entries that were read. Default false. */
  readonly load?: boolean;
  /**
   * What the witness says against the store is accepted by the operator.
   * @throws LANESTORE_INVALID unless it
   * is this case.
   */
  readonly acceptRollback?: AcceptRollback | undefined;
  /**
   * Look on after damage, and give all findings. Default: the first damage that makes the rest
   * uncertain is thrown.
   */
  readonly goesOn?: boolean;
  /**
   * The lowest format that is taken: for readers, which change nothing. Default: the one that this
   * code writes.
   */
  readonly oldestFormat?: number;
  /** Findings that are kept; all are counted. Default 1,000. */
  readonly findingsMax?: number;
}

/** How {@link examine} looks at a store. */
export interface ExamineOptions<B, Q, A> extends ContentOptions<B, Q, A> {
  /** Opens the database of a store whose `level/` exists. */
  readonly database: (paths: StorePaths) => Promise<OpenedDatabase>;
  /** Makes a store in an empty location; absent: LANESTORE_NOT_A_STORE. */
  readonly create?: ((paths: StorePaths) => Promise<void>) | undefined;
}

/** What a store is, and all that is wrong with it. */
export interface Examined<B, Q, A> {
  /** Absent if there is none that could be opened, or looked at. */
  readonly engine: Engine | undefined;
  readonly database: OpenedDatabase | undefined;
  /** The witness's bytes, from before the database was read. */
  readonly witness: Uint8Array | undefined;
  /** Absent if it is damaged, or was not asked for; so are the next four. */
  readonly format: number | undefined;
  readonly schema: Schema | undefined;
  readonly tip: Tip | undefined;
  readonly verdict: WitnessVerdict | undefined;
  readonly records: CheckedRecords<B, Q, A> | undefined;
  /** Milliseconds that reading and checking the records took. */
  readonly checkMs: number;
  readonly findings: FindingList;
  /** What was noticed and is no damage. */
  readonly notes: readonly string[];
  /** The error with which opening the store ends, with all findings; absent if it opens. */
  readonly refusal: LanestoreError | undefined;
}

/** A store in which nothing is wrong. */
export interface SoundStore<B, Q, A> extends Examined<B, Q, A> {
  readonly engine: Engine;
  readonly tip: Tip;
  readonly verdict: WitnessVerdict;
  readonly records: CheckedRecords<B, Q, A>;
}

/**
 * Looks at the store in a location, an existing directory.
 * @throws LANESTORE_NOT_A_STORE, LANESTORE_SCHEMA, LANESTORE_IO, LANESTORE_INVALID; what `database`
 * and `create` throw. For damage, see {@link ContentOptions.goesOn}.
 */
export async function examine<B, Q, A>(
  paths: StorePaths,
  { database, create, ...options }: ExamineOptions<B, Q, A>,
): Promise<Examined<B, Q, A>> {
  const examination = new Examination(options);
  const isThere = await examination.orRefused(async () => {
    if (!holdsStore(paths, create !== undefined)) await create?.(paths);
    return true;
  });
  if (isThere === undefined) return examination.result(undefined, witnessAlone(paths, examination));
  const opened = await examination.orRefused(() => database(paths));
  await examination.look(opened?.engine, opened);
  return examination.result(opened);
}

/**
 * Looks at a database of the caller's, which has neither files nor a witness.
 * @throws as {@link examine}.
 */
export async function examineDatabase<B, Q, A>(
  engine: Engine,
  options: ContentOptions<B, Q, A>,
): Promise<Examined<B, Q, A>> {
  const examination = new Examination(options);
  await examination.look(engine, undefined);
  return examination.result(undefined);
}

/**
 * A database whose schema, tip and records, as far as `depth` reads them, hold.
 * @throws as opening
 * it.
 */
export async function examineEngine<B, Q, A>(
  engine: Engine,
  options: Omit<ContentOptions<B, Q, A>, 'goesOn'>,
): Promise<SoundStore<B, Q, A> & { readonly schema: Schema }> {
  const found = sound(await examineDatabase(engine, options));
  if (found.schema === undefined) throw new Error('a sound store has a schema');
  return { ...found, schema: found.schema };
}

/** The same, of a store that opens. @throws `refusal`. */
export function sound<B, Q, A>(examined: Examined<B, Q, A>): SoundStore<B, Q, A> {
  const { engine, tip, verdict, records, refusal } = examined;
  if (refusal !== undefined) throw refusal;
  if (engine === undefined || tip === undefined || verdict === undefined || records === undefined) {
    throw new Error('a sound store has a tip and records');
  }
  return { ...examined, engine, tip, verdict, records };
}

/**
 * Looks at a private copy of a store, which is removed when `use` has ended. It changes nothing in
 * the location. `values`: with its value files, which depth `records` needs; default false.
 * @throws LANESTORE_CORRUPT, LANESTORE_ROLLED_BACK with findings; what {@link examine} and `use`
 * throw.
 */
export function examineCopy<B, Q, A, T>(
  paths: StorePaths,
  { values = false, ...options }: { readonly model: Model<B, Q, A>; readonly depth: Depth; readonly values?: boolean },
  use: (examined: Examined<B, Q, A>, engine: Engine) => Promise<T>,
): Promise<T> {
  const held = new CloseStack();
  const database = async () => {
    const place = await makeCopyPlace(paths.location, undefined);
    held.add(place.remove);
    return openCopy(paths, place.path, { values }, held);
  };
  return releasing(
    () => held.close(),
    async () => {
      const examined = await examine(paths, { ...options, database });
      if (examined.refusal !== undefined) throw examined.refusal;
      return use(examined, examined.engine as Engine);
    },
  );
}

/** The witness of a store whose database is gone, unless that is no regular file. */
function witnessAlone<B, Q, A>({ witness }: StorePaths, { findings }: Examination<B, Q, A>): Uint8Array | undefined {
  const isOdd = findings.kept.some(({ kind, file }) => kind === 'file-type' && file === WITNESS_FILE);
  return isOdd ? undefined : Witness.read(witness);
}

/** Collects what is wrong, in the order in which opening the store meets it. */
class Examination<B, Q, A> {
  readonly findings: FindingList;
  readonly #options: ContentOptions<B, Q, A>;
  readonly #notes: string[] = [];
  #refusal: LanestoreError | undefined;
  #format: number | undefined;
  #schema: Schema | undefined;
  #tip: Tip | undefined;
  #verdict: WitnessVerdict | undefined;
  #records: CheckedRecords<B, Q, A> | undefined;
  #checkMs = 0;
  #engine: Engine | undefined;

  constructor(options: ContentOptions<B, Q, A>) {
    this.#options = options;
    this.findings = new FindingList(options.findingsMax);
  }

  /** Damage becomes findings and undefined; anything else is thrown, coded. */
  async orRefused<T>(step: () => Promise<T>): Promise<T | undefined> {
    try {
      return await step();
    } catch (cause) {
      const error = coded(cause);
      const isDamage = isLanestoreError(error) && error.findings !== undefined;
      if (!isDamage || this.#options.goesOn !== true) throw error;
      this.#refusal ??= error;
      this.findings.addAll(error.findings);
      return undefined;
    }
  }

  /** Steps 3 and 4. `database`: absent for a database of the caller's. */
  async look(engine: Engine | undefined, database: OpenedDatabase | undefined): Promise<void> {
    if (database !== undefined) {
      this.#notes.push(...database.notes);
      this.findings.addList(database.findings);
    }
    if (engine === undefined) return;
    this.#engine = engine;
    const { model, depth, oldestFormat } = this.#options;
    const hasWitness = database?.witness !== undefined;
    if (depth === 'format') {
      this.#format = await this.orRefused(() => readFormat(engine, model.name, hasWitness));
      return;
    }
    this.#schema = await this.orRefused(() => readStoreSchema(engine, model.name, hasWitness, oldestFormat));
    this.#format = this.#schema?.format;
    if (this.#format !== undefined && this.#format < FORMAT) this.#notes.push(olderNote(this.#format));
    const tip = await this.orRefused(() => readTip(engine, this.#schema));
    this.#tip = tip;
    if (tip === undefined || depth === 'identity') return;
    this.#verdict = database === undefined ? { notes: [], findings: [] } : this.#judge(database.witness, tip);
    const checking = performance.now();
    this.#records = await this.orRefused(() => this.#check(engine, tip, database?.values));
    this.#checkMs = performance.now() - checking;
    if (this.#records !== undefined) this.findings.addAll(this.#records.findings, this.#records.findingsTotal);
  }

  result(database: OpenedDatabase | undefined, witness = database?.witness): Examined<B, Q, A> {
    return {
      engine: this.#engine,
      database,
      witness,
      format: this.#format,
      schema: this.#schema,
      tip: this.#tip,
      verdict: this.#verdict,
      records: this.#records,
      checkMs: this.#checkMs,
      findings: this.findings,
      notes: this.#notes,
      refusal: this.#refused(),
    };
  }

  #judge(witness: Uint8Array | undefined, tip: Tip): WitnessVerdict {
    const verdict = judgeWitness(witness, tip);
    const { acceptRollback } = this.#options;
    this.#notes.push(...verdict.notes);
    if (acceptRollback !== undefined && this.#refusal === undefined) {
      checkAccepted(acceptRollback, verdict.findings, tip.seq);
      return verdict;
    }
    // Of a torn tail that had been acknowledged, preflight has found the same.
    const isKnown = this.findings.kept.some(({ kind }) => kind === verdict.findings[0]?.kind);
    if (!isKnown) this.findings.addAll(verdict.findings);
    return verdict;
  }

  #check(engine: Engine, tip: Tip, values: string | undefined): Promise<CheckedRecords<B, Q, A>> {
    const { model, depth, load = false, findingsMax } = this.#options;
    return checkRecords(engine, model, tip, { load, values, findingsMax, singlesOnly: depth === 'singles' });
  }

  #refused(): LanestoreError | undefined {
    const { kept, total } = this.findings;
    if (this.#refusal === undefined) return total === 0 ? undefined : corruptionError(kept, total);
    if (this.#refusal.findings?.length === kept.length) return this.#refusal;
    const { code, message, cause, remedy } = this.#refusal;
    return new LanestoreError(code, message, { cause, findings: kept, remedy });
  }
}
