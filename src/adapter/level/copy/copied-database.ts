/**
 * A store's database, opened where it can do no harm: on a private copy. The location is only read, and its
 * lock not taken.
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

/** A store's database, once preflight has read its files. */
export interface OpenedDatabase {
  /** Undefined if its files are too damaged for LevelDB to open it. */
  readonly engine: Engine | undefined;
  /** The witness's bytes, from before the database was read; undefined if there is none. */
  readonly witness: Uint8Array | undefined;
  /** The directory of its value files; undefined if they were left out. */
  readonly values: string | undefined;
  /** What is wrong with LevelDB's files. */
  readonly findings: FindingList;
  readonly notes: readonly string[];
  readonly report: PreflightReport;
  /** How often a copy was begun before it was consistent; 0 without a copy. */
  readonly tries: number;
  /** Closes the database; a copy's directory stays. Idempotent. */
  close(): Promise<void>;
}

/** What could be read of a database that is not sound. */
export interface Salvage {
  /** False if LevelDB does not even open. */
  readonly opened: boolean;
  /** Why the rest cannot be read. */
  readonly findings: readonly Finding[];
}

/** How a database is copied and opened. */
export interface CopiedDatabaseOptions {
  /** Hard links of what never changes, where they are possible (default), or a copy of every byte. */
  readonly links?: boolean | undefined;
  /** Copy the value files that the database refers to, too. */
  readonly values: boolean;
  readonly tableCheckBytesMax?: number | undefined;
  readonly findingsMax?: number | undefined;
  /** Has another process read a database that preflight found sound. */
  readonly probe?: ((level: string) => Promise<readonly Finding[]>) | undefined;
  /** Copies what can be read of a database that is not sound; absent: it is not opened. */
  readonly salvage?: ((level: string, into: string) => Promise<Salvage>) | undefined;
}

/** Copies that are begun because value files went away meanwhile. */
const COPIES_MAX = 20;
/** After so many of them the value files are held. */
const GENTLE_COPIES_MAX = 3;

/**
 * Copies the store in `paths`, whose `level/` exists, into `directory`, which is empty, and opens the copy.
 * `held` closes it. What is said of the copy's files is said of the store's.
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
   * The database, then the value files that it refers to. A file that is gone was given up by a batch that is
   * not in the copy: all of it again. One that the next copy refers to as well is missing, since numbers do
   * not come back.
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
      `${this.#from.location} gives its value files up faster than they can be copied (${COPIES_MAX} times)`,
    );
  }

  /** LevelDB on the copy, once preflight has found its files sound; or what another process could read of them. */
  async #openLevel(witness: Uint8Array | undefined): Promise<Opened> {
    const { tableCheckBytesMax, findingsMax, probe } = this.#options;
    const report = await preflight(this.#to.level, { witness, tableCheckBytesMax, findingsMax });
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
      // The damage is known, and matters more than the reason why nothing is shown.
      return noted(`the database is not sound, and what can be read of it is missing here: ${error.message}`);
    }
    if (!found.opened) return unsound;
    this.#db = await openDatabase(this.#salvaged, {}, false);
    const opened = noted(
      'the database is not sound: another process read it, and what it could not read is missing here',
      ...this.#inStore(found.findings).map(({ detail }) => detail),
    );
    return { ...opened, engine: new Engine(this.#db) };
  }

  /** The numbers of the value files that are gone. Damage of the database is found when its records are read. */
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
