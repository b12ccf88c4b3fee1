/**
 * The reader of a log's range [from, to); recovery, the running store and views use it.
 *
 * A log has one key for each number, without gaps. So each key is compared with the expected one:
 * skipped numbers are missing, and a key that names no entry is a stray. A hole, however wide, is
 * one item of the result, and so is each stray key.
 */
import type { Closable } from '../../../base/open-set.js';
import type { Finding } from '../../../errors.js';
import type { EntryKeys } from '../../../keys/entry-keys.js';
import { type LaneId, parseKey } from '../../../keys/index.js';
import type { Model } from '../../../model/model.js';
import type { Engine, EntryReader } from '../engine.js';
import { type ReadResult, readBlock, readCommitQC } from '../format/entry.js';
import { type LogName, logKey, logKeys, logRange, QC_LOG } from '../format/log.js';
import { placeOf, type ValueReads } from '../values/reads.js';

/** An entry as it is stored: its record, or a reference to it. */
export interface StoredEntry {
  readonly number: bigint;
  readonly key: string;
  readonly value: Uint8Array;
}

/** The next item of a range: an entry, or a finding for a hole or a stray key. */
export type LogItem = StoredEntry | { readonly finding: Finding };

/** Checks and decodes a record. */
export type ReadRecord<T> = (number: bigint, key: string, record: Uint8Array) => ReadResult<T>;

/** Compares the keys of one log, ascending, with the numbers [from, to) that it must hold. */
export class LogSequence {
  readonly #log: LogName;
  readonly #to: bigint;
  readonly #keys: EntryKeys;
  #expected: bigint;

  constructor(log: LogName, from: bigint, to: bigint) {
    this.#log = log;
    this.#to = to;
    this.#keys = logKeys(log);
    this.#expected = from;
  }

  /** True once the last number of the range was seen or found missing. */
  get isComplete(): boolean {
    return this.#expected >= this.#to;
  }

  /** The expected number if `key` is its key; it then counts as seen. */
  next(key: string): bigint | undefined {
    // Parsing a key costs more than writing the expected one.
    if (this.isComplete || key !== this.#keys.text(this.#expected)) return undefined;
    return this.#expected++;
  }

  /**
   * Continues after `number`, which was seen and is not below the expected one. Returns the finding
   * for skipped numbers, if any.
   */
  see(number: bigint): Finding | undefined {
    const finding = this.#missTo(number);
    this.#expected = number + 1n;
    return finding;
  }

  /** The finding for the numbers that were not seen, if any. */
  end(): Finding | undefined {
    return this.#missTo(this.#to);
  }

  #missTo(to: bigint): Finding | undefined {
    if (this.#expected >= to) return undefined;
    const finding = missing(this.#log, this.#expected, to);
    this.#expected = to;
    return finding;
  }
}

/** Reads [from, to) of a log from a snapshot that the constructor takes. */
export class LogRange implements Closable {
  readonly #sequence: LogSequence;
  readonly #reader: EntryReader;

  constructor(engine: Engine, log: LogName, from: bigint, to: bigint) {
    this.#sequence = new LogSequence(log, from, to);
    this.#reader = engine.entries(logRange(log, from, to));
  }

  /** True once the last number of the range was read or found missing. */
  get isComplete(): boolean {
    return this.#sequence.isComplete;
  }

  /** The next items; an empty array is the end. Rejects with LevelDB's error. */
  async next(): Promise<readonly LogItem[]> {
    const portion = await this.#reader.next();
    const items: LogItem[] = [];
    for (const [key, value] of portion) {
      const expected = this.#sequence.next(key);
      const number = expected ?? numberIn(key);
      if (number === undefined) {
        items.push({ finding: strayKey(key) });
        continue;
      }
      if (expected === undefined) add(this.#sequence.see(number), items);
      items.push({ number, key, value });
    }
    if (portion.length === 0) add(this.#sequence.end(), items);
    return items;
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}

function add(finding: Finding | undefined, items: LogItem[]): void {
  if (finding !== undefined) items.push({ finding });
}

/** The check and decoder for the blocks of a lane. */
export function blockReader<B>(model: Model<B, unknown, unknown>, lane: LaneId): ReadRecord<B> {
  return (number, key, record) => readBlock(model, lane, number, key, record);
}

/** The check and decoder for CommitQCs. */
export function commitQCReader<Q>(model: Model<unknown, Q, unknown>): ReadRecord<Q> {
  return (index, key, record) => readCommitQC(model, index, key, record);
}

/**
 * Decodes an entry whose value is its record, or a reference to its record. Rejects with the
 * system's error if a value file cannot be read.
 */
export async function resolveEntry<T>(
  reads: ValueReads,
  log: LogName,
  { number, key, value }: StoredEntry,
  read: ReadRecord<T>,
): Promise<ReadResult<T>> {
  const resolved = await reads.resolve(key, value);
  const place = placeOf(resolved.reference);
  if ('fault' in resolved) return { finding: { ...resolved.fault, key, ...placeIn(log, number), ...place } };
  const result = read(number, key, resolved.record);
  return 'finding' in result ? { finding: { ...result.finding, ...place } } : result;
}

/** The finding for the numbers [from, to) of a log, all of which are missing. */
export function missing(log: LogName, from: bigint, to = from + 1n): Finding {
  const detail = to - from === 1n ? 'the record is missing' : `${to - from} records are missing, up to ${to - 1n}`;
  return { kind: 'missing', key: logKey(log, from), ...placeIn(log, from), detail };
}

/** The finding for a key that is not part of the format. */
export function strayKey(key: string): Finding {
  return { kind: 'stray', key, detail: 'no key of this format reads like this' };
}

/** The number of the entry that a key names; undefined if it names none. */
function numberIn(key: string): bigint | undefined {
  const parsed = parseKey(key);
  return parsed?.kind === 'block' ? parsed.number : parsed?.kind === 'commitQC' ? parsed.index : undefined;
}

function placeIn(log: LogName, number: bigint): Pick<Finding, 'lane' | 'number'> {
  return log === QC_LOG ? { number } : { lane: log, number };
}
