/**
 * The MANIFEST names the live tables and logs. Its edits, applied in order, give the version that
 * LevelDB would recover.
 *
 * A crash while LevelDB appends an edit leaves an incomplete last edit. LevelDB then uses the edits
 * before it, and so does preflight. Every file that those edits name must still exist: LevelDB
 * removes a file only after it has synced the edit that retires it.
 */
import type { Finding } from '../../../errors.js';
import type { SourceFile } from './file.js';
import { findBehind, type LogDamage, readLog } from './log-format.js';
import { type EditFields, parseVersionEdit, type TableMeta } from './version-edit.js';

/** The version that results from the edits of a MANIFEST. */
export interface Version {
  /** Logs with a lower number are not live. */
  readonly logNumber: number;
  readonly prevLogNumber: number;
  readonly lastSequence: number;
  /** The number of the next file that LevelDB will create. */
  readonly nextFile: number;
  /** The live tables. */
  readonly tables: readonly TableMeta[];
}

/** The content of a MANIFEST, and the damage in it. */
export interface ManifestResult {
  /** Absent if the edits do not give a version. */
  readonly version?: Version;
  readonly findings: readonly Finding[];
  readonly notes: readonly string[];
}

const COMPARATOR = 'leveldb.BytewiseComparator';

/** Reads the MANIFEST `file`, which findings call `name`. */
export async function readManifest(file: SourceFile, name: string): Promise<ManifestResult> {
  const edits = new Edits();
  const damage = await readLog(file, edits);
  const finding = (kind: 'manifest-damaged' | 'manifest-edit', detail: string, offset?: number): Finding => ({
    kind,
    file: name,
    ...(offset === undefined ? {} : { offset }),
    detail,
  });
  if (damage !== undefined && (await isWorseThanIncomplete(file, damage, edits.behindDamage))) {
    return { findings: [finding('manifest-damaged', damage.detail, damage.offset)], notes: [] };
  }
  const version = edits.version();
  if (typeof version === 'string') return { findings: [finding('manifest-edit', version)], notes: [] };
  const notes =
    damage === undefined ? [] : [`${name}: the last edit, at ${damage.recordAt}, is incomplete: ${damage.detail}`];
  return { version, findings: [], notes };
}

/**
 * False if the damage is only an incomplete last edit: LevelDB treats it as such, reads nothing
 * after it, and no whole record follows it.
 */
async function isWorseThanIncomplete(file: SourceFile, damage: LogDamage, readBehind: number): Promise<boolean> {
  if (damage.reported || readBehind > 0) return true;
  const any = { bytes: 1, fixed: { at: 0, bytes: new Uint8Array() }, accept: (head: Uint8Array) => head.length > 0 };
  const found = await findBehind(file, damage.offset, any);
  return found !== undefined;
}

/** Collects the records, which are small, and applies their edits. */
class Edits {
  behindDamage = 0;
  /** The current record: its fragments may be in two portions of the file. */
  #record = new Uint8Array(1024);
  #bytes = 0;
  readonly #tables = new Map<string, TableMeta>();
  readonly #fields: EditFields = {};
  #fault: string | undefined;

  begin(): void {
    this.#bytes = 0;
  }

  data(bytes: Uint8Array): void {
    const end = this.#bytes + bytes.length;
    if (end > this.#record.length) {
      const larger = new Uint8Array(2 * end);
      larger.set(this.#record.subarray(0, this.#bytes));
      this.#record = larger;
    }
    this.#record.set(bytes, this.#bytes);
    this.#bytes = end;
  }

  end(at: number, behindDamage: boolean): void {
    if (behindDamage) this.behindDamage++;
    else this.#apply(this.#record.subarray(0, this.#bytes), at);
  }

  version(): Version | string {
    if (this.#fault !== undefined) return this.#fault;
    const { comparator, logNumber, prevLogNumber, nextFile, lastSequence } = this.#fields;
    if (comparator !== COMPARATOR) return `its comparator is ${comparator ?? 'not named'}, not ${COMPARATOR}`;
    if (logNumber === undefined) return 'no edit has a log number';
    if (nextFile === undefined) return 'no edit has a next file number';
    if (lastSequence === undefined) return 'no edit has a last sequence';
    return { logNumber, prevLogNumber: prevLogNumber ?? 0, lastSequence, nextFile, tables: [...this.#tables.values()] };
  }

  #apply(bytes: Uint8Array, at: number): void {
    const tables = parseVersionEdit(bytes, this.#fields);
    if (typeof tables === 'string') {
      this.#fault ??= `the edit at ${at}: ${tables}`;
      return;
    }
    for (const { level, number } of tables.deleted) this.#tables.delete(`${level}/${number}`);
    for (const table of tables.added) this.#tables.set(`${table.level}/${table.number}`, table);
  }
}
