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
import { type KeyRange, type LaneId, parseKey } from '../../../keys/index.js';
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

/** Number of keys in one read. */
const KEYS_AT_ONCE = 1000;

/** Reads [from, to) of a log from a snapshot that the constructor takes. */
export class LogRange implements Closable {
  readonly #log: LogName;
  readonly #to: bigint;
  readonly #keys: EntryKeys;
  readonly #reader: EntryReader;
  #expected: bigint;

  constructor(engine: Engine, log: LogName, from: bigint, to: bigint) {
    this.#log = log;
    this.#to = to;
    this.#keys = logKeys(log);
    this.#expected = from;
    this.#reader = engine.entries(logRange(log, from, to));
  }

  /** True once the last number of the range was read or found missing. */
  get isComplete(): boolean {
    return this.#expected >= this.#to;
  }

  /** The next items; an empty array is the end. Rejects with LevelDB's error. */
  async next(): Promise<readonly LogItem[]> {
    const portion = await this.#reader.next();
    const items: LogItem[] = [];
    for (const [key, value] of portion) {
      // Parsing a key costs more than writing the expected one.
      const isExpected = !this.isComplete && key === this.#keys.text(this.#expected);
      const number = isExpected ? this.#expected : numberIn(key);
      if (number === undefined) {
        items.push({ finding: strayKey(key) });
        continue;
      }
      this.#missTo(number, items);
      this.#expected = number + 1n;
      items.push({ number, key, value });
    }
    if (portion.length === 0) this.#missTo(this.#to, items);
    return items;
  }

  close(): Promise<void> {
    return this.#reader.close();
  }

  /** Adds a finding for the numbers up to `to` that were skipped, if any. */
  #missTo(to: bigint, items: LogItem[]): void {
    if (this.#expected >= to) return;
    items.push({ finding: missing(this.#log, this.#expected, to) });
    this.#expected = to;
  }
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

/** The keys of a range, ascending; an absent bound is open. No value is read. */
export async function* keysIn(engine: Engine, keys: Partial<KeyRange>): AsyncGenerator<string, void, void> {
  for (let range = keys; ; ) {
    const portion = await engine.keys(range, KEYS_AT_ONCE);
    yield* portion;
    if (portion.length < KEYS_AT_ONCE) return;
    range = { ...keys, gte: `${portion[portion.length - 1]}\0` };
  }
}

function placeIn(log: LogName, number: bigint): Pick<Finding, 'lane' | 'number'> {
  return log === QC_LOG ? { number } : { lane: log, number };
}
