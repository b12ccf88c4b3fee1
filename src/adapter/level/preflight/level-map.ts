/**
 * LevelDB's files as its MANIFEST names them, and all versions of a key in them. Both read the
 * files of a live or dead database: no lock, no copy, no LevelDB. A file that a node removes
 * meanwhile reads as absent.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { copyOf } from '../../../base/bytes.js';
import { string } from '../../../base/options.js';
import type { Finding } from '../../../errors.js';
import { LEVEL_DIR } from '../format/paths.js';
import { ByteReader, fixed32 } from './bytes.js';
import { FileReader, type SourceFile } from './file.js';
import { type LogDamage, readLog } from './log-format.js';
import { readManifest, type Version } from './manifest.js';
import { logName, logNumbers, manifestNameIn, tableNames } from './names.js';
import { hasCompressedBlock, readTable, type TableEntry, tableVersions, userKey } from './table.js';

/** A live table. */
export interface MappedTable {
  readonly level: number;
  readonly number: number;
  /** Its file, relative to the location. */
  readonly file: string;
  readonly bytes: number;
  /** The first and the last key in it, both included. */
  readonly smallest: string;
  readonly largest: string;
  readonly isThere: boolean;
}

/** A live log. */
export interface MappedLog {
  readonly file: string;
  readonly bytes: number;
}

/** The live files of a LevelDB. */
export interface LevelMap {
  /** The name of the MANIFEST; absent if CURRENT names none. */
  readonly manifest?: string;
  /** The last sequence number that the MANIFEST names; the live logs go on from it. */
  readonly lastSequence?: number;
  /** Ascending by level, then by key; those of level 0 by number, the newest last. */
  readonly tables: readonly MappedTable[];
  /** Ascending. */
  readonly logs: readonly MappedLog[];
  /** Damage of CURRENT and MANIFEST only. */
  readonly findings: readonly Finding[];
  /** Observations that are not damage. */
  readonly notes: readonly string[];
}

/** What one write of a key left in the files. */
export interface KeyVersion {
  /** LevelDB's sequence number: the highest one counts. */
  readonly sequence: number;
  /** The table or log, relative to the location. */
  readonly file: string;
  /** The level of the table; absent for a log. */
  readonly level?: number;
  /** The value, or null: the key was deleted. */
  readonly value: Uint8Array | null;
}

/** The versions of a key. */
export interface KeyVersions {
  /** The newest first, at most {@link VERSIONS_MAX}. */
  readonly versions: readonly KeyVersion[];
  readonly versionsTotal: number;
  /** Files that cannot be read, with the reason. */
  readonly notes: readonly string[];
}

/** Versions that {@link keyVersions} keeps: each batch of a log has one of `meta/tip`. */
const VERSIONS_MAX = 1000;

/**
 * The live files of the LevelDB in `directory`. Damage does not throw.
 * @throws the system's error if a read is refused.
 */
export async function levelMap(directory: string): Promise<LevelMap> {
  string(directory, 'levelMap: directory');
  const { version, ...rest } = await readVersion(directory, new FileReader());
  if (version === undefined) return { ...rest, tables: [], logs: [] };
  const present = new Set(readdirSync(directory));
  const text = (key: Uint8Array) => Buffer.from(userKey(key)).toString('utf8');
  const tables = version.tables.map(({ level, number, size, smallest, largest }): MappedTable => {
    const name = tableNames(number).find((candidate) => present.has(candidate));
    return {
      level,
      number,
      file: `${LEVEL_DIR}/${name ?? tableNames(number)[0]}`,
      bytes: size,
      smallest: text(smallest),
      largest: text(largest),
      isThere: name !== undefined,
    };
  });
  tables.sort((a, b) => a.level - b.level || (a.level === 0 ? a.number - b.number : a.smallest < b.smallest ? -1 : 1));
  const logs = liveLogs(version, [...present]).map((name) => ({
    file: `${LEVEL_DIR}/${name}`,
    bytes: statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0,
  }));
  return { ...rest, lastSequence: version.lastSequence, tables, logs };
}

/**
 * All versions of `key` in the live tables and logs of the LevelDB in `directory`. A table keeps an
 * old version until LevelDB compacts it.
 * @throws the system's error if a read is refused.
 */
export async function keyVersions(directory: string, key: string): Promise<KeyVersions> {
  string(directory, 'keyVersions: directory');
  string(key, 'keyVersions: key');
  const reader = new FileReader();
  const { version, findings } = await readVersion(directory, reader);
  const notes = findings.map(({ detail }) => detail);
  const found: KeyVersion[] = [];
  let total = 0;
  const add = (entry: KeyVersion) => {
    total++;
    found.push(entry);
    if (found.length >= 2 * VERSIONS_MAX) newestOf(found);
  };
  const wanted = Buffer.from(key, 'utf8');
  for (const { level, number, smallest, largest } of version?.tables ?? []) {
    if (Buffer.compare(userKey(smallest), wanted) > 0 || Buffer.compare(userKey(largest), wanted) < 0) continue;
    let isRead = false;
    for (const name of tableNames(number)) {
      const file = `${LEVEL_DIR}/${name}`;
      await reader.with(join(directory, name), async (source) => {
        isRead = true;
        const parts = await readTable(source, file);
        if ('kind' in parts) notes.push(`${file}: ${parts.detail}`);
        else if (!(await tableVersions(source, parts, wanted, (entry) => add({ ...entry, file, level }))))
          notes.push(`${file}: a data block is damaged`);
      });
    }
    if (!isRead) notes.push(`${LEVEL_DIR}/${tableNames(number)[0]}: it is not there`);
  }
  for (const name of version === undefined ? [] : liveLogs(version, readdirSync(directory))) {
    const file = `${LEVEL_DIR}/${name}`;
    const damage = await reader.with(join(directory, name), (source) =>
      logVersions(source, wanted, ({ sequence, value }) => add({ sequence, file, value })),
    );
    if (damage !== undefined) notes.push(`${file}, byte ${damage.offset}: ${damage.detail}`);
  }
  newestOf(found);
  return { versions: found, versionsTotal: total, notes };
}

/** Sorts the newest first, and keeps {@link VERSIONS_MAX}. */
function newestOf(found: KeyVersion[]): void {
  found.sort((a, b) => b.sequence - a.sequence);
  found.length = Math.min(found.length, VERSIONS_MAX);
}

/** Data blocks of a table that {@link hasCompressedTables} looks at, about. */
const SAMPLED_BLOCKS = 16;

/**
 * True if a live table of the LevelDB in `directory` has compressed blocks. LevelDB leaves a block
 * as it is if compression hardly shortens it, so some blocks of each table are looked at.
 * @throws the system's error if a read is refused.
 */
export async function hasCompressedTables(directory: string): Promise<boolean> {
  const reader = new FileReader();
  const { version } = await readVersion(directory, reader);
  for (const name of version?.tables.flatMap(({ number }) => tableNames(number)) ?? []) {
    const found = await reader.with(join(directory, name), async (file) => {
      const parts = await readTable(file, name);
      return 'data' in parts && (await hasCompressedBlock(file, parts, SAMPLED_BLOCKS));
    });
    if (found === true) return true;
  }
  return false;
}

interface ReadVersion {
  readonly manifest?: string;
  readonly version?: Version;
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
}

async function readVersion(directory: string, reader: FileReader): Promise<ReadVersion> {
  const current = await reader.with(join(directory, 'CURRENT'), (file) => file.read(0, 64));
  const manifest = current === undefined ? undefined : manifestNameIn(current);
  if (manifest === undefined) {
    const kind = current === undefined ? 'current-missing' : 'current-damaged';
    const detail = current === undefined ? 'CURRENT is missing' : 'CURRENT does not name a MANIFEST';
    return { findings: [{ kind, file: `${LEVEL_DIR}/CURRENT`, detail }], notes: [] };
  }
  const name = `${LEVEL_DIR}/${manifest}`;
  const result = await reader.with(join(directory, manifest), (file) => readManifest(file, name));
  if (result !== undefined) return { manifest, ...result };
  return {
    manifest,
    findings: [{ kind: 'manifest-missing', file: name, detail: `${manifest} is missing` }],
    notes: [],
  };
}

/** The names of the live logs, ascending. */
function liveLogs({ logNumber, prevLogNumber }: Version, present: readonly string[]): string[] {
  return logNumbers(present)
    .filter((number) => number >= logNumber || (prevLogNumber > 0 && number === prevLogNumber))
    .map(logName);
}

/** Passes every entry of `key` in a log to `add`, the oldest first. Returns the first damage. */
export function logVersions(
  file: Pick<SourceFile, 'portions' | 'size'>,
  key: Uint8Array,
  add: (entry: TableEntry) => void,
): Promise<LogDamage | undefined> {
  return readLog(file, new KeySink(key, add));
}

/** Offset of the first operation of a batch. */
const OPERATIONS_OFFSET = 12;
const PUT = 1;

/** Finds the operations on one key in the batches of a log. */
class KeySink {
  readonly #key: Uint8Array;
  readonly #add: (entry: TableEntry) => void;
  #parts: Uint8Array[] = [];

  constructor(key: Uint8Array, add: (entry: TableEntry) => void) {
    this.#key = key;
    this.#add = add;
  }

  begin(): void {
    this.#parts = [];
  }

  data(bytes: Uint8Array): void {
    this.#parts.push(copyOf(bytes));
  }

  end(): void {
    const batch = Buffer.concat(this.#parts);
    this.#parts = [];
    if (batch.length < OPERATIONS_OFFSET) return;
    const first = fixed32(batch, 4) * 2 ** 32 + fixed32(batch, 0);
    const reader = new ByteReader(batch, OPERATIONS_OFFSET);
    for (let sequence = first; !reader.atEnd; sequence++) {
      const [tag] = reader.take(1) ?? [];
      const key = reader.slice();
      const value = tag === PUT ? reader.slice() : null;
      if (key === undefined || value === undefined) return;
      // Copied: the value must not keep the whole batch in memory.
      if (Buffer.compare(key, this.#key) === 0) this.#add({ sequence, value: value && copyOf(value) });
    }
  }
}
