/**
 * Recovery of separated values. References are collected while LevelDB is read. Then the value
 * files are read in order, and every value is checked like a record in LevelDB.
 */
import type { Finding } from '../../../errors.js';
import type { LaneId } from '../../../keys/index.js';
import type { ReadResult } from '../format/entry.js';
import { type LogName, QC_LOG } from '../format/log.js';
import { decodeReference, isReference } from '../format/value-ref.js';
import { readSequentially, type Wanted } from './bulk-read.js';
import { placeOf, type Resolved } from './reads.js';
import type { FoundReference } from './value-store.js';

/** An entry whose record is a reference. */
export interface SeparatedEntry<T> {
  readonly log: LogName;
  readonly number: bigint;
  readonly key: string;
  /** The record of the reference. */
  readonly value: Uint8Array;
  /** Checks the value that the reference names. */
  readonly check: (record: Uint8Array) => ReadResult<T>;
  /** The list that the decoded entry is appended to; its place is fixed by the call of `add`. */
  readonly into: T[] | undefined;
}

/** Collects references and checks the values that they name. */
export class SeparatedEntries {
  /** All valid references, in no particular order. */
  readonly found: FoundReference[] = [];
  readonly #dir: string | undefined;
  readonly #load: boolean;
  readonly #report: (finding: Finding) => void;
  #wanted: Wanted[] = [];

  constructor(dir: string | undefined, load: boolean, report: (finding: Finding) => void) {
    this.#dir = dir;
    this.#load = load;
    this.#report = report;
  }

  /** Adds an entry. With `load`, its place in the list `into` is reserved. */
  add<T>({ log, number, key, value, check, into }: SeparatedEntry<T>): void {
    const place: { lane?: LaneId; number: bigint } = log === QC_LOG ? { number } : { lane: log, number };
    const reference = decodeReference(key, value);
    if ('kind' in reference) {
      this.#report({ ...reference, key, ...place });
      return;
    }
    this.found.push({ key, reference });
    const slot = this.#load && into !== undefined ? into.push(undefined as T) - 1 : undefined;
    const take = (resolved: Resolved) => {
      const at = placeOf(reference);
      if ('fault' in resolved) return this.#report({ ...resolved.fault, key, ...place, ...at });
      const result = check(resolved.record);
      if ('finding' in result) this.#report({ ...result.finding, ...at });
      else if (into !== undefined && slot !== undefined) into[slot] = result.entry;
    };
    this.#wanted.push({ reference, take });
  }

  /** Reads and checks all entries added since the last call. */
  async readAll(): Promise<void> {
    const wanted = this.#wanted;
    this.#wanted = [];
    await readSequentially(this.#dir, wanted, { keep: this.#load });
  }

  /**
   * Adds a stale record if it is a reference. Its value is never read, so it is not checked. But
   * until the record is swept, its reference keeps a value file in use.
   */
  addStale(key: string, value: Uint8Array): void {
    if (!isReference(value)) return;
    const reference = decodeReference(key, value);
    if (!('kind' in reference)) this.found.push({ key, reference });
  }
}
