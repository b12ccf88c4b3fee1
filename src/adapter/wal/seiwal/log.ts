/**
 * Reads a seiwal log without changing it. It finds the same records as a node at its start, by the
 * same rules, and reports what the node drops silently:
 *
 * - The open file counts up to its first fault. A whole record after the fault proves that records
 *   before it are lost: a finding. Otherwise the tail was torn by a crash: a note.
 * - A complete file with any fault is damaged, and so is a log without a file between two others.
 * - Of two complete files of one sequence, an interrupted rollback left the one with the higher
 *   last record: it is not read.
 * - Indexes may have gaps. A log of consecutive entries is read from the last gap on, as the
 *   original's persisters do ("contiguous suffix").
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readRegular } from '../../../base/open-file.js';
import type { Finding, FindingKind } from '../../../errors.js';
import type { LaneId } from '../../../keys/index.js';
import { reading } from '../io.js';
import { type LogFileName, readNames } from './names.js';
import { HEAD_BYTES, headProblem, type LogRecord, recordAfter, scanRecords } from './records.js';

/** Where a log is. */
export interface SeiwalPlace {
  /** Its directory, relative to the location. */
  readonly directory: string;
  readonly lane?: LaneId;
}

/** A file of a log, and how much of it counts. */
interface CountedFile {
  readonly name: string;
  /** The end of its complete records. */
  readonly end: number;
}

/** A log that was read once. */
export interface SeiwalLog {
  readonly path: string;
  readonly place: SeiwalPlace;
  readonly files: readonly CountedFile[];
  /** Number of records, and the indexes of the first and the last; undefined for an empty log. */
  readonly extent: { readonly records: number; readonly first: bigint; readonly last: bigint } | undefined;
  /** The first index of the last consecutive records; undefined for an empty log. */
  readonly suffixFirst: bigint | undefined;
  readonly notes: readonly string[];
  readonly findings: readonly Finding[];
  /** Names that are not part of the layout, relative to the location. */
  readonly strays: readonly string[];
}

/** Reads a log, and all of its records. @throws LANESTORE_IO. */
export async function readSeiwal(path: string, place: SeiwalPlace): Promise<SeiwalLog> {
  const names = await reading(`list ${path}`, () => readdir(path));
  return new Reading(path, place).run(names);
}

class Reading {
  readonly #path: string;
  readonly #place: SeiwalPlace;
  readonly #notes: string[] = [];
  readonly #findings: Finding[] = [];
  readonly #files: CountedFile[] = [];
  #records = 0;
  #first: bigint | undefined;
  #last: bigint | undefined;
  #suffixFirst: bigint | undefined;
  #suffixRecords = 0;

  constructor(path: string, place: SeiwalPlace) {
    this.#path = path;
    this.#place = place;
  }

  async run(names: readonly string[]): Promise<SeiwalLog> {
    const { files, strays, leftovers } = readNames(names);
    for (const name of leftovers)
      this.#note(name, 'left by an interrupted rollback; a node removes it, it is not read');
    const kept = this.#withoutRolledBack(files);
    this.#refuseGaps(kept);
    for (const file of kept) await this.#file(file);
    this.#noteHole();
    const [first, last] = [this.#first, this.#last];
    return {
      path: this.#path,
      place: this.#place,
      files: this.#files,
      extent: first === undefined || last === undefined ? undefined : { records: this.#records, first, last },
      suffixFirst: this.#suffixFirst,
      notes: this.#notes,
      findings: this.#findings,
      strays: strays.map((name) => `${this.#place.directory}/${name}`),
    };
  }

  /** Drops the second of two files of one sequence; the first one counts. */
  #withoutRolledBack(files: readonly LogFileName[]): LogFileName[] {
    return files.filter((file, i) => {
      const before = files[i - 1];
      if (before?.sequence !== file.sequence) return true;
      this.#note(file.name, `an interrupted rollback left it: ${before.name} takes its place, and it is not read`);
      return false;
    });
  }

  #refuseGaps(files: readonly LogFileName[]): void {
    for (const [i, { name, sequence }] of files.entries()) {
      const before = files[i - 1];
      if (before === undefined || sequence === before.sequence + 1n) continue;
      const detail = `the file before it has sequence ${before.sequence}: the files between are missing`;
      this.#find('segment-gap', name, undefined, detail);
    }
  }

  async #file(file: LogFileName): Promise<void> {
    const path = join(this.#path, file.name);
    const bytes = await reading(`read ${path}`, () => readRegular(path));
    if (bytes.length < HEAD_BYTES && file.promised === undefined) {
      if (bytes.length > 0) this.#note(file.name, `${bytes.length} bytes of its head are written, and no record`);
      return;
    }
    const head = headProblem(bytes);
    if (head !== undefined) {
      this.#find(head.isVersion ? 'segment-version' : 'segment-head', file.name, 0, head.problem);
      return;
    }
    const { records, end, fault } = scanRecords(bytes);
    const [first, last] = [records[0]?.index, records.at(-1)?.index];
    if (fault !== undefined && file.promised === undefined) this.#tail(file.name, bytes, end, last, fault.problem);
    else if (fault !== undefined) this.#find(fault.kind, file.name, end, fault.problem);
    else if (file.promised !== undefined && (first !== file.promised.first || last !== file.promised.last)) {
      const content = first === undefined ? 'nothing' : `[${first}, ${last}]`;
      const detail = `its name promises records [${file.promised.first}, ${file.promised.last}], it holds ${content}`;
      this.#find('segment-names', file.name, undefined, detail);
    }
    if (first !== undefined && this.#last !== undefined && first <= this.#last) {
      const detail = `its first record is ${first}, but the file before it ends with ${this.#last}`;
      this.#find('segment-overlap', file.name, HEAD_BYTES, detail);
    }
    this.#files.push({ name: file.name, end });
    for (const { index } of records) this.#count(index);
  }

  /** Reports the rest of the open file, after its last complete record. */
  #tail(name: string, bytes: Buffer, end: number, last: bigint | undefined, problem: string): void {
    const after = recordAfter(bytes, end, last);
    if (after === undefined) {
      this.#note(name, `the last ${bytes.length - end} bytes, from byte ${end} on, are no whole record: ${problem}`);
      return;
    }
    const lost = last === undefined ? `records before ${after.index}` : `records between ${last} and ${after.index}`;
    const detail =
      `${problem}, but record ${after.index} follows whole at byte ${after.at}: ${lost} are damaged, ` +
      'and the node would drop them and all that follow without a word';
    this.#find('entries-lost', name, end, detail);
  }

  #count(index: bigint): void {
    this.#first ??= index;
    if (this.#suffixFirst === undefined || this.#last === undefined || index !== this.#last + 1n) {
      this.#suffixFirst = index;
      this.#suffixRecords = 0;
    }
    this.#last = index;
    this.#records++;
    this.#suffixRecords++;
  }

  #noteHole(): void {
    const before = this.#records - this.#suffixRecords;
    if (before === 0) return;
    const text = `entries before ${this.#suffixFirst} are missing, so the ${before} older ones are left out`;
    this.#notes.push(`${this.#place.directory}: ${text}: a node reads the contiguous suffix of a log`);
  }

  #note(name: string, text: string): void {
    this.#notes.push(`${this.#place.directory}/${name}: ${text}`);
  }

  #find(kind: FindingKind, name: string, offset: number | undefined, detail: string): void {
    const { directory, lane } = this.#place;
    const file = `${directory}/${name}`;
    const at = offset === undefined ? {} : { offset };
    this.#findings.push({ kind, ...(lane === undefined ? {} : { lane }), file, ...at, detail });
  }
}

/**
 * The records of a log, from index `from` on, file by file. A record's payload is valid until the
 * next file is read.
 * @throws LANESTORE_IO.
 */
export async function* recordsOf(
  { path, place, files }: SeiwalLog,
  from: bigint,
): AsyncGenerator<LogRecord & { readonly file: string }, void, void> {
  for (const { name, end } of files) {
    const bytes = await reading(`read ${join(path, name)}`, () => readRegular(join(path, name)));
    for (const record of scanRecords(bytes.subarray(0, end)).records) {
      if (record.index >= from) yield { ...record, file: `${place.directory}/${name}` };
    }
  }
}
