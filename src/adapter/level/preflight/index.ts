/**
 * Preflight: LevelDB's own files, read before LevelDB reads them (docs/design.md, Preflight). It must come first: LevelDB opens a damaged log without
 * a word, writes what it could read into a table and deletes the log, and then nothing shows the damage any more.
 *
 *   CURRENT -> MANIFEST -> live tables (there, the right size, every checksum) -> live logs (every record, every batch) -> witness
 *
 * It reads only, and never throws for damage. What may be judged differently at the next look, because a node writes to the store
 * meanwhile, is looked at again.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { checkReads, type FileReads } from '../../../base/files.js';
import { appendAll } from '../../../base/lists.js';
import { byteArray, callback, count, fields, string, wholeNumber } from '../../../base/options.js';
import type { Finding } from '../../../errors.js';
import { TIP_KEY } from '../../../keys/index.js';
import { FindingList } from '../../finding-list.js';
import { LEVEL_DIR } from '../format/paths.js';
import { parseWitness } from '../format/witness.js';
import { judgeWitness } from '../format/witness-check.js';
import { FileReader, type SourceFile } from './file.js';
import { LogVerifier } from './live-logs.js';
import { readManifest, type Version } from './manifest.js';
import { logName, logNumbers, manifestNameIn, tableNames } from './names.js';
import { checkDataBlocks, lookUp, readTable, type TableEntry, userKey } from './table.js';
import type { TableMeta } from './version-edit.js';
import { type TipHead, tipHead } from './write-batch.js';

/** Options of {@link preflight}. */
export interface PreflightOptions {
  /**
   * The bytes of the witness file that belongs to the database, read before the database; undefined if there is none. Left out, it is not judged
   * whether all that was acknowledged is there, unless the newest log is torn.
   */
  readonly witness?: Uint8Array | undefined;
  /**
   * Bytes of data blocks whose checksums are read, of the newest tables first; index, filter and footer of every table always are.
   * What is left out is said in a note. 0 checks none. Default 1 GiB.
   */
  readonly tableCheckBytesMax?: number | undefined;
  /**
   * Findings that are kept at most; all are counted. Default 1,000, as many as an error carries.
   */
  readonly findingsMax?: number | undefined;
  /** @internal What the files are read by. */
  readonly reads?: FileReads | undefined;
  /**
   * Called each time that a look finds damage, before that is believed: rejects if somebody else writes to the database, and with that
   * {@link preflight} does.
   */
  readonly refuseIfInUse?: (() => Promise<void>) | undefined;
}

/** Bytes of tables to check; 0 checks none. */
export const checkTableCheckBytes = wholeNumber(0, Number.MAX_SAFE_INTEGER, 'of bytes');

const checkPreflightOptions = fields<PreflightOptions>({
  witness: byteArray,
  tableCheckBytesMax: checkTableCheckBytes,
  findingsMax: count,
  reads: checkReads,
  refuseIfInUse: callback(),
});

/** What a preflight found. */
export interface PreflightReport {
  /** Damage: none means that LevelDB will apply exactly what was acknowledged, as far as its own files can tell. */
  readonly findings: readonly Finding[];
  /** How many findings there are: `findings` holds the first of them. */
  readonly findingsTotal: number;
  /** What was noticed and is no damage. */
  readonly notes: readonly string[];
  /** The store's id, if tables or logs tell it. */
  readonly store?: Uint8Array;
  /** The newest whole batch: the tip that LevelDB will show. */
  readonly seq?: bigint;
  /** True if the newest log ends in a batch that is not whole, which LevelDB will drop. */
  readonly torn: boolean;
  readonly tables: number;
  readonly logs: number;
  /** Batches in the logs. */
  readonly batches: number;
  /** Bytes that were read. */
  readonly bytes: number;
  /** Bytes of data blocks that were not checked, beyond the bound. */
  readonly uncheckedBytes: number;
  readonly ms: number;
}

/** Chosen on cost: the checksums of 1 GiB take about a second. */
export const TABLE_CHECK_BYTES = 1024 * 1024 * 1024;

const TIP = Buffer.from(TIP_KEY, 'latin1');

/** Looks at files that change meanwhile, until one sees them at rest. */
const LOOKS_MAX = 5;

/**
 * Reads the LevelDB in `directory`.
 * @throws LANESTORE_INVALID, TypeError for options that are none; what the system throws that refuses a read; what
 * `refuseIfInUse` rejects with; nothing for damage.
 * @example
 * ```ts
 * import { preflight } from 'lanestore';
 *
 * const { findings, torn, seq } = await preflight('state/level');
 * console.log(`newest whole batch: ${seq}${torn ? ', the tail is torn' : ''}, ${findings.length} findings`);
 * ```
 */
export async function preflight(directory: string, options: PreflightOptions = {}): Promise<PreflightReport> {
  string(directory, 'preflight: directory');
  checkPreflightOptions(options, 'preflight: options');
  for (let look = 1; ; look++) {
    const before = fingerprint(directory);
    const report = await new Preflight(directory, options).run();
    if (report.findingsTotal === 0) return report;
    await options.refuseIfInUse?.();
    if (look === LOOKS_MAX || fingerprint(directory) === before) return report;
  }
}

/** Names, sizes and times of all files. */
function fingerprint(directory: string): string {
  const lines = readdirSync(directory).map((name) => {
    const stat = statSync(join(directory, name), { bigint: true, throwIfNoEntry: false });
    return `${name} ${stat?.size} ${stat?.mtimeNs}`;
  });
  return lines.sort().join('\n');
}

class Preflight {
  readonly #directory: string;
  readonly #witness: Uint8Array | undefined;
  readonly #judgesWitness: boolean;
  readonly #tableBytesMax: number;
  readonly #reader: FileReader;
  readonly #findingsMax: number | undefined;
  readonly #findings: FindingList;
  readonly #notes: string[] = [];
  readonly #started = performance.now();
  /** The name of the MANIFEST, for findings. */
  #manifest = 'MANIFEST';
  #tip: TableEntry | undefined;
  /** A table could not be read, or not its tip: what the tables hold is not known. */
  #tablesUnknown = false;
  #uncheckedBytes = 0;
  #tableBytesLeft: number;

  constructor(directory: string, options: PreflightOptions) {
    this.#directory = directory;
    this.#reader = new FileReader(options.reads);
    this.#findingsMax = options.findingsMax;
    this.#findings = new FindingList(options.findingsMax);
    this.#witness = options.witness;
    this.#judgesWitness = 'witness' in options;
    this.#tableBytesMax = options.tableCheckBytesMax ?? TABLE_CHECK_BYTES;
    this.#tableBytesLeft = this.#tableBytesMax;
  }

  async run(): Promise<PreflightReport> {
    const names = readdirSync(this.#directory);
    const version = await this.#readVersion(names);
    if (version === undefined) return this.#report(0, 0, this.#chain(undefined));
    const tables = [...version.tables].sort((a, b) => b.number - a.number);
    for (const table of tables) await this.#readTable(table);
    if (this.#uncheckedBytes > 0) {
      this.#notes.push(
        `${this.#uncheckedBytes} bytes of tables are beyond tableCheckBytesMax = ${this.#tableBytesMax}: their checksums were not read`,
      );
    }
    const { chain, logs } = await this.#readLogs(names, version);
    this.#judgeTornTail(chain);
    if (chain.torn === undefined && this.#judgesWitness) this.#judgeWhole(chain);
    return this.#report(tables.length, logs, chain);
  }

  async #readVersion(names: readonly string[]): Promise<Version | undefined> {
    if (!names.includes('CURRENT')) {
      const detail =
        names.length === 0 ? 'the directory is empty' : `it is missing beside ${names.slice(0, 5).join(', ')}`;
      this.#find('current-missing', 'CURRENT', detail);
      return undefined;
    }
    const current = await this.#reader.with(join(this.#directory, 'CURRENT'), (file) => file.read(0, 64));
    const manifest = current === undefined ? undefined : manifestNameIn(current);
    if (manifest === undefined) {
      this.#find('current-damaged', 'CURRENT', 'it does not name a MANIFEST');
      return undefined;
    }
    this.#manifest = manifest;
    const name = `${LEVEL_DIR}/${manifest}`;
    const result = await this.#reader.with(join(this.#directory, manifest), (file) => readManifest(file, name));
    if (result === undefined) {
      this.#find('manifest-missing', manifest, 'CURRENT names it, and it is not there');
      return undefined;
    }
    this.#findings.addAll(result.findings);
    appendAll(this.#notes, result.notes);
    return result.version;
  }

  async #readTable(meta: TableMeta): Promise<void> {
    const before = this.#findings.total;
    let found: true | undefined;
    for (const name of tableNames(meta.number)) {
      found ??= await this.#reader.with(join(this.#directory, name), (file) => this.#checkTable(file, name, meta));
    }
    if (found === undefined) {
      this.#find('table-missing', tableNames(meta.number)[0], `${this.#manifest} names it, and it is not there`);
    }
    if (this.#findings.total > before) this.#tablesUnknown = true;
  }

  async #checkTable(file: SourceFile, name: string, { size, smallest, largest }: TableMeta): Promise<true> {
    if (file.size !== size) {
      this.#find('table-size', name, `it has ${file.size} bytes, ${this.#manifest} says ${size}`);
      return true;
    }
    const label = `${LEVEL_DIR}/${name}`;
    const parts = await readTable(file, label);
    if ('kind' in parts) {
      this.#findings.add(parts);
      return true;
    }
    const before = this.#findings.total;
    const report = (finding: Finding) => this.#findings.add(finding);
    const checked = await checkDataBlocks(file, label, parts.data, this.#tableBytesLeft, report);
    this.#tableBytesLeft -= checked;
    this.#uncheckedBytes += parts.dataBytes - checked;
    if (Buffer.compare(userKey(smallest), TIP) > 0 || Buffer.compare(userKey(largest), TIP) < 0) return true;
    const entry = await lookUp(file, parts, TIP);
    if (entry === 'damaged' && this.#findings.total === before)
      this.#find('table-damaged', name, 'the block of meta/tip is damaged');
    if (typeof entry === 'object' && entry.sequence > (this.#tip?.sequence ?? -1)) this.#tip = entry;
    return true;
  }

  async #readLogs(names: readonly string[], version: Version): Promise<{ chain: LogVerifier; logs: number }> {
    const live = logNumbers(names).filter((n) => n >= version.logNumber || n === version.prevLogNumber);
    for (const named of [version.logNumber, version.prevLogNumber]) {
      if (named === 0 || live.includes(named)) continue;
      this.#find('log-missing', logName(named), `${this.#manifest} names it, and it is not there`);
    }
    const newest = live.findLast((number) => this.#size(logName(number)) > 0);
    const expected = parseWitness(this.#witness ?? new Uint8Array())[0]?.store;
    const chain = this.#chain(this.#tablesUnknown ? undefined : tableTip(this.#tip));
    for (const number of live) {
      const name = logName(number);
      await this.#reader.with(join(this.#directory, name), (file) =>
        chain.read(file, `${LEVEL_DIR}/${name}`, newest === undefined || number >= newest, expected),
      );
    }
    // Where nothing tells a store, the database is of format 0 or of something else: what its batches hold is for the opener to judge.
    if (chain.store !== undefined || expected !== undefined) this.#findings.addList(chain.foreign);
    this.#findings.addList(chain.findings);
    return { chain, logs: live.length };
  }

  /** LevelDB drops a torn tail for good at its next open; so whether it was acknowledged is asked before. */
  #judgeTornTail(chain: LogVerifier): void {
    if (chain.torn === undefined) return;
    const { file, offset, detail } = chain.torn;
    const { findings } = judgeWitness(this.#witness, chain);
    if (findings.length === 0) {
      this.#notes.push(
        `${file}: a torn tail, the end of a batch that nobody was told of, from ${offset} on: ${detail}`,
      );
      return;
    }
    this.#findings.addAll([{ kind: 'log-torn', file, offset, detail }, ...findings]);
  }

  /**
   * What the witness says against sound files. It is asked before LevelDB writes its log out and begins a new MANIFEST: a log that is brought
   * back afterwards would be ignored. Whether it is of another store can wait for the schema, which may say that it is no store at all.
   */
  #judgeWhole({ store, seq }: LogVerifier): void {
    if (this.#findings.total > 0 || store === undefined || seq === undefined) return;
    const { findings } = judgeWitness(this.#witness, { store, seq });
    if (findings.every(({ kind }) => kind !== 'witness-store')) this.#findings.addAll(findings);
  }

  #chain(tables: TipHead | 'none' | undefined): LogVerifier {
    return new LogVerifier(tables, this.#findingsMax);
  }

  #size(name: string): number {
    return statSync(join(this.#directory, name), { throwIfNoEntry: false })?.size ?? 0;
  }

  #find(kind: Finding['kind'], name: string, detail: string): void {
    this.#findings.add({ kind, file: `${LEVEL_DIR}/${name}`, detail });
  }

  #report(tables: number, logs: number, chain: LogVerifier): PreflightReport {
    return {
      findings: this.#findings.kept,
      findingsTotal: this.#findings.total,
      notes: this.#notes,
      ...(chain.store === undefined ? {} : { store: chain.store }),
      ...(chain.seq === undefined ? {} : { seq: chain.seq }),
      torn: chain.torn !== undefined,
      tables,
      logs,
      batches: chain.batches,
      bytes: this.#reader.bytes,
      uncheckedBytes: this.#uncheckedBytes,
      ms: performance.now() - this.#started,
    };
  }
}

/** What the tables say of the tip: 'none' if they do not have it, undefined if it cannot be read or was deleted. */
function tableTip(entry: TableEntry | undefined): TipHead | 'none' | undefined {
  if (entry === undefined) return 'none';
  return entry.value === null ? undefined : tipHead(entry.value);
}
