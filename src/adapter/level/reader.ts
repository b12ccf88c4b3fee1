/** Reading single entries and ranges of a running store, verified like at open. */
import { type Checks, fields, uint64 } from '../../base/options.js';
import { type Finding, LanestoreError } from '../../errors.js';
import { type LaneId, maxU64, minU64, parseKey } from '../../keys/index.js';
import type { Model } from '../../model/model.js';
import { extentOf, type LogName, logKey, logRange, QC_LOG } from './batch.js';
import { isDamage, levelDamage } from './database.js';
import type { Engine } from './engine.js';
import { type ReadResult, readBlock, readCommitQC } from './entry.js';
import { refusal } from './refusal.js';
import type { Tip } from './tip.js';
import { placeOf, type ValueReads } from './values/reads.js';

/** Bounds of a range to read: [from, to), each limited to what the log holds. */
export interface ReadRange {
  /** The first number wanted; the oldest held by default. */
  readonly from?: bigint;
  /** The number behind the last one wanted; the newest held is the last by default. */
  readonly to?: bigint;
}

/** What each of {@link ReadRange} must be. */
export const RANGE_CHECKS: Checks<ReadRange> = { from: uint64, to: uint64 };

/** A range to read. */
export const checkReadRange = fields(RANGE_CHECKS);

/** What a reader needs of its store. */
export interface ReadSource {
  readonly engine: Engine;
  /** The tip of the last durable batch. */
  readonly tip: () => Tip;
  /** Runs something while no batch is in flight. */
  readonly quiet: <T>(read: () => T | Promise<T>) => Promise<T>;
  /** Lets a reader of separated values in, until it is closed. */
  readonly reads: () => ValueReads;
  /** @throws LANESTORE_CLOSED, LANESTORE_FAILED. */
  readonly assertUsable: () => void;
}

/** Ranges that may be read at the same time, each with an iterator and 1 MiB read ahead; those beyond are LANESTORE_CAPACITY. */
export const OPEN_RANGES_MAX = 1024;

type Read<T> = (number: bigint, key: string, value: Uint8Array) => ReadResult<T>;

/** Reads verified entries of a running store. */
export class StoreReader<B, Q, A> {
  readonly #source: ReadSource;
  readonly #model: Model<B, Q, A>;
  #openRanges = 0;

  constructor(source: ReadSource, model: Model<B, Q, A>) {
    this.#source = source;
    this.#model = model;
  }

  block(lane: LaneId, number: bigint): Promise<B | undefined> {
    return this.#get(lane, number, this.#blockReader(lane));
  }

  commitQC(index: bigint): Promise<Q | undefined> {
    return this.#get(QC_LOG, index, this.#commitQCReader());
  }

  blocks(lane: LaneId, range: ReadRange): AsyncGenerator<B, void, void> {
    return this.#range(lane, range, this.#blockReader(lane));
  }

  commitQCs(range: ReadRange): AsyncGenerator<Q, void, void> {
    return this.#range(QC_LOG, range, this.#commitQCReader());
  }

  #blockReader(lane: LaneId): Read<B> {
    return (number, key, value) => readBlock(this.#model, lane, number, key, value);
  }

  #commitQCReader(): Read<Q> {
    return (index, key, value) => readCommitQC(this.#model, index, key, value);
  }

  async #get<T>(log: LogName, number: bigint, read: Read<T>): Promise<T | undefined> {
    this.#source.assertUsable();
    if (!this.#holds(log, number)) return undefined;
    const reads = this.#source.reads();
    try {
      return await this.#getWith(reads, log, number, read);
    } finally {
      await reads.close();
    }
  }

  async #getWith<T>(reads: ValueReads, log: LogName, number: bigint, read: Read<T>): Promise<T | undefined> {
    const key = logKey(log, number);
    let value = await this.#engineRead(() => this.#source.engine.get(key));
    // Not there: a batch in flight may be truncating it. Between two batches, cursors and database agree.
    value ??= await this.#source.quiet(async () => {
      this.#source.assertUsable();
      if (!this.#holds(log, number)) return undefined;
      const again = await this.#engineRead(() => this.#source.engine.get(key));
      if (again === undefined) throw refusal([missing(log, number)]);
      return again;
    });
    return value === undefined ? undefined : this.#entryOf(reads, log, number, key, value, read);
  }

  /** The entry that a stored value is, or refers to. */
  async #entryOf<T>(
    reads: ValueReads,
    log: LogName,
    number: bigint,
    key: string,
    value: Uint8Array,
    read: Read<T>,
  ): Promise<T> {
    const resolved = await this.#engineRead(() => reads.resolve(key, value));
    const place = placeOf(resolved.reference);
    if ('fault' in resolved) throw refusal([{ ...resolved.fault, key, ...placeIn(log, number), ...place }]);
    const result = read(number, key, resolved.record);
    if ('finding' in result) throw refusal([{ ...result.finding, ...place }]);
    return result.entry;
  }

  async *#range<T>(log: LogName, range: ReadRange, read: Read<T>): AsyncGenerator<T, void, void> {
    const opened = await this.#source.quiet(() => {
      this.#source.assertUsable();
      if (this.#openRanges >= OPEN_RANGES_MAX) {
        throw new LanestoreError('LANESTORE_CAPACITY', `${OPEN_RANGES_MAX} ranges are being read; end some first`);
      }
      const extent = extentOf(this.#source.tip(), log);
      if (extent === undefined) return undefined;
      const from = maxU64(range.from ?? 0n, extent.first);
      const to = minU64(range.to ?? extent.next, extent.next);
      if (from >= to) return undefined;
      const reads = this.#source.reads();
      return { reads, reader: this.#source.engine.entries(logRange(log, from, to)), from, to };
    });
    if (opened === undefined) return;
    const { reads, reader, from, to } = opened;
    this.#openRanges++;
    let expected = from;
    try {
      while (expected < to) {
        const portion = await this.#engineRead(() => reader.next());
        if (portion.length === 0) throw refusal([missing(log, expected)]);
        for (const [key, value] of portion) {
          if (key !== logKey(log, expected))
            throw refusal([parseKey(key) === undefined ? stray(key) : missing(log, expected)]);
          yield await this.#entryOf(reads, log, expected, key, value, read);
          expected++;
        }
      }
    } finally {
      this.#openRanges--;
      await reads.close();
      await reader.close();
    }
  }

  #holds(log: LogName, number: bigint): boolean {
    const extent = extentOf(this.#source.tip(), log);
    return extent !== undefined && number >= extent.first && number < extent.next;
  }

  async #engineRead<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (cause) {
      this.#source.assertUsable();
      const message = (cause as Error).message;
      if (isDamage((cause as { code?: string }).code, message)) {
        throw levelDamage('LevelDB found damage while reading', message, cause);
      }
      throw new LanestoreError('LANESTORE_IO', `reading failed: ${message}`, { cause });
    }
  }
}

function missing(log: LogName, number: bigint): Finding {
  return { kind: 'missing', key: logKey(log, number), ...placeIn(log, number), detail: 'the record is missing' };
}

function placeIn(log: LogName, number: bigint): Pick<Finding, 'lane' | 'number'> {
  return log === QC_LOG ? { number } : { lane: log, number };
}

function stray(key: string): Finding {
  return { kind: 'stray', key, detail: 'no key of this format reads like this' };
}
