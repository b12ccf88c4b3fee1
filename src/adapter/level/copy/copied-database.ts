/**
 * Opens a private copy of a store's database. The location is only read, and its lock is not taken.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { CloseStack } from '../../../base/close-stack.js';
import { type Finding, isLanestoreError, LanestoreError } from '../../../errors.js';
import { FindingList } from '../../finding-list.js';
import { type Database, openDatabase } from '../database.js';
import { Engine } from '../engine.js';
import { type StorePaths, storePaths } from '../format/paths.js';
import { type PreflightReport, preflight } from '../preflight/index.js';
import { copyStore } from './copy.js';
import { copyValues, freezeValues } from './copy-values.js';

/** A store's database, after preflight has read its files. */
export interface OpenedDatabase {
  /** Undefined if LevelDB cannot open the files. */
  readonly engine: Engine | undefined;
  /** The witness's bytes, read before the database; undefined if there is none. */
  readonly witness: Uint8Array | undefined;
  /** The directory of its value files; undefined if they were not copied. */
  readonly values: string | undefined;
  /** Damage in LevelDB's files. */
  readonly findings: FindingList;
  readonly notes: readonly string[];
  readonly report: PreflightReport;
  /** Number of copies that were begun until one was consistent; 0 without a copy. */
  readonly tries: number;
  /** Closes the database; the directory of a copy stays. Idempotent. */
  close(): Promise<void>;
}

/** The result of salvaging a damaged database. */
export interface Salvage {
  /** False if LevelDB cannot open the database. */
  readonly opened: boolean;
  /** Why the other entries cannot be read. */
  readonly findings: readonly Finding[];
}

/** How a database is copied and opened. */
export interface CopiedDatabaseOptions {
  /** True (default): hard-link files that never change, where possible. False: copy every byte. */
  readonly links?: boolean | undefined;
  /** True to copy the value files that the database refers to. */
  readonly values: boolean;
  readonly tableCheckBytesMax?: number | undefined;
  readonly findingsMax?: number | undefined;
  /** Called with the size of each read of the copy's files before LevelDB opens them. */
  readonly onRead?: ((bytes: number) => void) | undefined;
  /** Reads, in another process, a database that preflight found sound. */
  readonly probe?: ((level: string) => Promise<readonly Finding[]>) | undefined;
  /**
   * Copies the readable entries of a damaged database into another one. Absent: a damaged database
   * is not opened.
   */
  readonly salvage?: ((level: string, into: string) => Promise<Salvage>) | undefined;
}

/** Upper bound of copies: a copy is repeated if value files disappeared meanwhile. */
const COPIES_MAX = 20;
/**
 * Copies without freezing. Each later one first links all value files, so that the node reuses
 * none.
 */
const GENTLE_COPIES_MAX = 3;

/**
 * Copies the store in `paths`, whose `level/` exists, into the empty `directory`, and opens the
 * copy. Adds the closing of the copy to `held`. Findings name the files of the store, not those of
 * the copy.
 * @throws LANESTORE_IO; errors of the file system as they are. Damage is in `findings`.
 */
export async function openCopy(
  paths: StorePaths,
  directory: string,
  options: CopiedDatabaseOptions,
  held: CloseStack,
): Promise<OpenedDatabase> {
  const copying = new Copying(paths, storePaths(directory), options);
  held.add(() => copying.close());
  return copying.open();
}

type Opened = Omit<OpenedDatabase, 'witness' | 'values' | 'tries' | 'close'>;

class Copying {
  readonly #from: StorePaths;
  readonly #to: StorePaths;
  readonly #options: CopiedDatabaseOptions;
  readonly #salvaged: string;
  #db: Database | undefined;

  constructor(from: StorePaths, to: StorePaths, options: CopiedDatabaseOptions) {
    this.#from = from;
    this.#to = to;
    this.#options = options;
    this.#salvaged = join(to.location, 'salvaged');
  }

  async close(): Promise<void> {
    await this.#db?.close();
  }

  /**
   * Copies the database, then the value files that it refers to. If a value file is absent, a batch
   * that is not in the copy has freed it, and everything is copied again. If the next copy refers
   * to the same file, the file is missing for good, because file numbers are never reused.
   */
  async open(): Promise<OpenedDatabase> {
    let missing = new Set<bigint>();
    for (let tries = 0, copies = 1; copies <= COPIES_MAX; copies++) {
      const frozen = copies > GENTLE_COPIES_MAX ? join(this.#to.location, 'frozen') : undefined;
      if (frozen !== undefined) await freezeValues(this.#from.values, frozen);
      const copy = await copyStore(this.#from, this.#to, this.#options);
      if (frozen !== undefined) await freezeValues(this.#from.values, frozen);
      tries += copy.tries;
      const opened = await this.#openLevel(copy.witness);
      const gone = await this.#copyValues(opened.engine, frozen);
      if (frozen !== undefined) await rm(frozen, { recursive: true });
      if ([...gone].every((number) => missing.has(number))) {
        const values = this.#options.values ? this.#to.values : undefined;
        return { ...opened, witness: copy.witness, values, tries, close: () => this.close() };
      }
      missing = gone;
      await this.close();
      await rm(this.#to.level, { recursive: true });
      await rm(this.#salvaged, { recursive: true, force: true });
    }
    throw new LanestoreError(
      'LANESTORE_IO',
      `${this.#from.location} reuses its value files faster than they can be copied (${COPIES_MAX} tries)`,
    );
  }

  /**
   * Opens LevelDB on the copy if preflight finds its files sound; otherwise on the entries that
   * another process could read.
   */
  async #openLevel(witness: Uint8Array | undefined): Promise<Opened> {
    const { tableCheckBytesMax, findingsMax, onRead, probe } = this.#options;
    const report = await preflight(this.#to.level, { witness, tableCheckBytesMax, findingsMax, onRead });
    const findings = new FindingList(findingsMax);
    findings.addAll(this.#inStore(report.findings), report.findingsTotal);
    if (probe !== undefined && findings.total === 0) findings.addAll(this.#inStore(await probe(this.#to.level)));
    const opened = { engine: undefined, findings, notes: report.notes, report };
    if (findings.total > 0) return this.#salvage(opened);
    try {
      this.#db = await openDatabase(this.#to.level, {}, false);
      return { ...opened, engine: new Engine(this.#db) };
    } catch (error) {
      if (!isLanestoreError(error, 'LANESTORE_CORRUPT')) throw error;
      findings.addAll(this.#inStore(error.findings ?? []));
      return opened;
    }
  }

  async #salvage(unsound: Opened): Promise<Opened> {
    const { salvage } = this.#options;
    if (salvage === undefined) return unsound;
    const noted = (...notes: string[]) => ({ ...unsound, notes: [...unsound.notes, ...notes] });
    let found: Salvage;
    try {
      found = await salvage(this.#to.level, this.#salvaged);
    } catch (error) {
      if (!isLanestoreError(error, 'LANESTORE_IO')) throw error;
      // The damage is known, and matters more than the reason why no entry is shown.
      return noted(`the database is damaged, and its readable entries are missing here: ${error.message}`);
    }
    if (!found.opened) return unsound;
    this.#db = await openDatabase(this.#salvaged, {}, false);
    const opened = noted(
      'the database is damaged: another process read it, and the entries that it could not read are missing here',
      ...this.#inStore(found.findings).map(({ detail }) => detail),
    );
    return { ...opened, engine: new Engine(this.#db) };
  }

  /**
   * Returns the numbers of the absent value files. Damage of the database is ignored here: it is
   * found when the records are read.
   */
  async #copyValues(engine: Engine | undefined, frozen: string | undefined): Promise<Set<bigint>> {
    const { values, links } = this.#options;
    if (engine === undefined || !values) return new Set();
    try {
      return await copyValues(engine, this.#from.values, this.#to.values, { links, frozen });
    } catch (error) {
      if ((error as { code?: string }).code === 'LEVEL_CORRUPTION') return new Set();
      throw error;
    }
  }

  #inStore(findings: readonly Finding[]): Finding[] {
    const inStore = (text: string) => text.replaceAll(this.#to.location, this.#from.location);
    return findings.map((finding) => ({ ...finding, detail: inStore(finding.detail) }));
  }
}
