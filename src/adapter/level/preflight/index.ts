/**
 * Preflight: LevelDB's own files, read before LevelDB reads them (docs/design.md, Preflight). It
 * must come first: LevelDB opens a damaged log without an error, writes the records that it could
 * read into a table and deletes the log. After that no trace of the damage is left.
 *
 *   CURRENT -> MANIFEST -> live tables (present, right size, every checksum)
 *           -> live logs (every record, every batch) -> witness
 *
 * Preflight only reads, and never throws for damage. Files that a node writes meanwhile can look
 * damaged, so a pass that finds damage is repeated if a file changed during it.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { checkReads, type FileReads } from '../../../base/files.js';
import { appendAll } from '../../../base/lists.js';
import { byteArray, callback, count, fields, string, wholeNumber } from '../../../base/options.js';
import type { Finding } from '../../../errors.js';
import { SCHEMA_KEY, TIP_KEY } from '../../../keys/index.js';
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
   * The bytes of the witness file of this database, read before the database; undefined if there is
   * no such file. If the option is left out, the witness is not compared, except after a torn tail,
   * where it then counts as missing.
   */
  readonly witness?: Uint8Array | undefined;
  /**
   * Bytes of data blocks whose checksums are read, of the newest tables first. The index, filter
   * and footer of every table are always checked. A note gives the number of unchecked bytes. 0
   * checks no data block. Default 1 GiB.
   */
  readonly tableCheckBytesMax?: number | undefined;
  /** Findings that are kept; all are counted. Default 1,000, the maximum that an error carries. */
  readonly findingsMax?: number | undefined;
  /** @internal The file-system port that reads the files. */
  readonly reads?: FileReads | undefined;
  /** @internal Called with the size of each read. */
  readonly onRead?: ((bytes: number) => void) | undefined;
  /**
   * Called after each pass that finds damage. It rejects if another process has the database open;
   * {@link preflight} then rejects with the same error.
   */
  readonly refuseIfInUse?: (() => Promise<void>) | undefined;
}

/** The option `tableCheckBytesMax`. */
export const checkTableCheckBytes = wholeNumber(0, Number.MAX_SAFE_INTEGER, 'of bytes');

const checkPreflightOptions = fields<PreflightOptions>({
  witness: byteArray,
  tableCheckBytesMax: checkTableCheckBytes,
  findingsMax: count,
  reads: checkReads,
  onRead: callback(),
  refuseIfInUse: callback(),
});

/** What a preflight found. */
export interface PreflightReport {
  /**
   * Damage. If there is none, LevelDB will apply every acknowledged batch, as far as its own files
   * show.
   */
  readonly findings: readonly Finding[];
  /** The number of all findings; `findings` holds the first of them. */
  readonly findingsTotal: number;
  /** Observations that are not damage. */
  readonly notes: readonly string[];
  /** The store's id; absent if neither tables nor logs contain it. */
  readonly store?: Uint8Array;
  /** @internal The record of `meta/schema`; absent if neither tables nor logs contain it. */
  readonly schema?: Uint8Array;
  /** The newest whole batch: the tip that LevelDB will show. Absent if there is none. */
  readonly seq?: bigint;
  /** True if the newest log ends in an incomplete batch, which LevelDB will drop. */
  readonly torn: boolean;
  readonly tables: number;
  readonly logs: number;
  /** Batches in the logs. */
  readonly batches: number;
  /** Bytes read. */
  readonly bytes: number;
  /** Bytes of data blocks beyond `tableCheckBytesMax`, which were not checked. */
  readonly uncheckedBytes: number;
  readonly ms: number;
}

/** Default of `tableCheckBytesMax`: the checksums of 1 GiB take about a second. */
export const TABLE_CHECK_BYTES = 1024 * 1024 * 1024;

const TIP = Buffer.from(TIP_KEY, 'latin1');
const SCHEMA = Buffer.from(SCHEMA_KEY, 'latin1');

/** Upper bound of passes that find damage while files change; the last one counts. */
const PASSES_MAX = 5;

/**
 * Reads the LevelDB in `directory`. Damage is in the report and never throws.
 * @throws LANESTORE_INVALID or TypeError for invalid options; the system's error if a read is
 * refused; the rejection of `refuseIfInUse`.
 * @example
 * ```ts
 * import { preflight } from 'lanestore';
 *
 * const { findings, torn, seq } = await preflight('state/level');
 * const tail = torn ? ', the tail is torn' : '';
 * console.log(`newest whole batch: ${seq}${tail}, ${findings.length} findings`);
 * ```
 */
export async function preflight(directory: string, options: PreflightOptions = {}): Promise<PreflightReport> {
  string(directory, 'preflight: directory');
  checkPreflightOptions(options, 'preflight: options');
  for (let pass = 1; ; pass++) {
    const before = fingerprint(directory);
    const report = await new Preflight(directory, options).run();
    if (report.findingsTotal === 0) return report;
    await options.refuseIfInUse?.();
    if (pass === PASSES_MAX || fingerprint(directory) === before) return report;
  }
}

/** Names, sizes and modification times of all files. */
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
  /** The name of the current MANIFEST, for findings. */
  #manifest = 'MANIFEST';
  #tip: TableEntry | undefined;
  #schema: TableEntry | undefined;
  /**
   * True if a table, or the tip in it, cannot be read: the newest batch in the tables is unknown.
   */
  #tablesUnknown = false;
  #uncheckedBytes = 0;
  #tableBytesLeft: number;

  constructor(directory: string, options: PreflightOptions) {
    this.#directory = directory;
    this.#reader = new FileReader(options.reads, options.onRead);
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
        `${this.#uncheckedBytes} bytes of tables beyond tableCheckBytesMax = ${this.#tableBytesMax} were not checked`,
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
        names.length === 0
          ? 'the directory is empty'
          : `it is missing; the directory holds ${names.slice(0, 5).join(', ')}`;
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
      this.#find('manifest-missing', manifest, 'CURRENT names it, but it does not exist');
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
      this.#find('table-missing', tableNames(meta.number)[0], `${this.#manifest} names it, but it does not exist`);
    }
    if (this.#findings.total > before) this.#tablesUnknown = true;
  }

  async #checkTable(file: SourceFile, name: string, { size, smallest, largest }: TableMeta): Promise<true> {
    if (file.size !== size) {
      this.#find('table-size', name, `it has ${file.size} bytes, but ${this.#manifest} says ${size}`);
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
    const newest = async (key: Buffer, known: TableEntry | undefined) => {
      if (Buffer.compare(userKey(smallest), key) > 0 || Buffer.compare(userKey(largest), key) < 0) return known;
      const entry = await lookUp(file, parts, key);
      if (entry === 'damaged' && this.#findings.total === before)
        this.#find('table-damaged', name, `the block of ${key} is damaged`);
      return typeof entry === 'object' && entry.sequence > (known?.sequence ?? -1) ? entry : known;
    };
    this.#tip = await newest(TIP, this.#tip);
    this.#schema = await newest(SCHEMA, this.#schema);
    return true;
  }

  async #readLogs(names: readonly string[], version: Version): Promise<{ chain: LogVerifier; logs: number }> {
    const live = logNumbers(names).filter((n) => n >= version.logNumber || n === version.prevLogNumber);
    for (const named of [version.logNumber, version.prevLogNumber]) {
      if (named === 0 || live.includes(named)) continue;
      this.#find('log-missing', logName(named), `${this.#manifest} names it, but it does not exist`);
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
    // Without a store id, the database has format 0 or is not a store at all. The checks of the
    // opener decide that, so its batches are no findings here.
    if (chain.store !== undefined || expected !== undefined) this.#findings.addList(chain.foreign);
    this.#findings.addList(chain.findings);
    return { chain, logs: live.length };
  }

  /**
   * LevelDB drops a torn tail permanently at its next open, so the witness is compared first: it
   * shows whether the tail was acknowledged.
   */
  #judgeTornTail(chain: LogVerifier): void {
    if (chain.torn === undefined) return;
    const { file, offset, detail } = chain.torn;
    const { findings } = judgeWitness(this.#witness, chain);
    if (findings.length === 0) {
      this.#notes.push(`${file}: a torn tail from offset ${offset} on, the end of an unacknowledged batch: ${detail}`);
      return;
    }
    this.#findings.addAll([{ kind: 'log-torn', file, offset, detail }, ...findings]);
  }

  /**
   * Compares the witness with sound files. This comes before LevelDB flushes its log and begins a
   * new MANIFEST: LevelDB would ignore a log that is restored later. A witness of another store is
   * left for the schema check, which may find that this is not a store at all.
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
    const schema = chain.schema === undefined ? this.#schema?.value : chain.schema;
    return {
      findings: this.#findings.kept,
      findingsTotal: this.#findings.total,
      notes: this.#notes,
      ...(chain.store === undefined ? {} : { store: chain.store }),
      ...(schema == null ? {} : { schema }),
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

/**
 * The tip in the tables; 'none' if they have no tip, undefined if it cannot be read or was deleted.
 */
function tableTip(entry: TableEntry | undefined): TipHead | 'none' | undefined {
  if (entry === undefined) return 'none';
  return entry.value === null ? undefined : tipHead(entry.value);
}
