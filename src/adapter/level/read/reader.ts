/** Reads single entries and ranges of a running store, verified as at open. */
import { type Closable, OpenSet } from '../../../base/open-set.js';
import { type Checks, fields, uint64 } from '../../../base/options.js';
import { type Finding, LanestoreError } from '../../../errors.js';
import { INNER_KEY, type LaneId, maxU64, minU64 } from '../../../keys/index.js';
import type { Model } from '../../../model/model.js';
import { isDamage, levelDamage } from '../database.js';
import type { Engine } from '../engine.js';
import { corruptionError } from '../format/corruption-error.js';
import { extentOf, type LogName, logKey, QC_LOG } from '../format/log.js';
import { decodeRecord, isFault } from '../format/record.js';
import type { Tip } from '../format/tip.js';
import type { ValueReads } from '../values/reads.js';
import {
  blockReader,
  commitQCReader,
  LogRange,
  missing,
  type ReadRecord,
  resolveEntry,
  type StoredEntry,
} from './log-range.js';

/** Bounds of a range to read: [from, to), limited to the entries that the log holds. */
export interface ReadRange {
  /** The first number to read. Default: the oldest one in the log. */
  readonly from?: bigint;
  /** The number after the last one to read. Default: the number after the newest one in the log. */
  readonly to?: bigint;
}

/** Checks of the fields of {@link ReadRange}. */
export const RANGE_CHECKS: Checks<ReadRange> = { from: uint64, to: uint64 };

/** Checks a {@link ReadRange}. */
export const checkReadRange = fields(RANGE_CHECKS);

/** Dependencies of a reader. */
export interface ReadSource {
  readonly engine: Engine;
  /** The tip of the last durable batch. */
  readonly tip: () => Tip;
  /** Runs `read` while no batch is in flight. */
  readonly readBetweenBatches: <T>(read: () => T | Promise<T>) => Promise<T>;
  /** Begins a reader of separated values; the caller closes it. */
  readonly reads: () => ValueReads;
  /** @throws LANESTORE_CLOSED, LANESTORE_FAILED. */
  readonly assertUsable: () => void;
  /**
   * The error to throw for a read that failed with `error`: LANESTORE_FAILED if the location no
   * longer leads to this store, else `error`.
   */
  readonly explained: (error: LanestoreError) => LanestoreError;
}

/**
 * Upper bound of ranges that are read at the same time, each with an iterator and 1 MiB read ahead;
 * a further range is refused with LANESTORE_CAPACITY.
 */
export const OPEN_RANGES_MAX = 1024;

/** Resources of the iteration of a range. */
class OpenRange implements Closable {
  readonly reads: ValueReads;
  readonly entries: LogRange;
  #closing: Promise<void> | undefined;

  constructor(reads: ValueReads, entries: LogRange) {
    this.reads = reads;
    this.entries = entries;
  }

  close(): Promise<void> {
    this.#closing ??= this.reads.close().finally(() => this.entries.close());
    return this.#closing;
  }
}

/** Reads verified entries of a running store. */
export class StoreReader<B, Q, A> {
  readonly #source: ReadSource;
  readonly #model: Model<B, Q, A>;
  readonly #ranges = new OpenSet();
  readonly #singles = new Set<Promise<unknown>>();
  #closed = false;

  constructor(source: ReadSource, model: Model<B, Q, A>) {
    this.#source = source;
    this.#model = model;
  }

  block(lane: LaneId, number: bigint): Promise<B | undefined> {
    return this.#get(lane, number, blockReader(this.#model, lane));
  }

  commitQC(index: bigint): Promise<Q | undefined> {
    return this.#get(QC_LOG, index, commitQCReader(this.#model));
  }

  async inner(): Promise<Uint8Array | undefined> {
    this.#source.assertUsable();
    const reading = this.#engineRead(() => this.#source.engine.get(INNER_KEY));
    this.#singles.add(reading);
    const value = await reading.finally(() => this.#singles.delete(reading));
    if (value === undefined) return undefined;
    const record = decodeRecord(INNER_KEY, value);
    if (isFault(record)) throw this.#damage([{ kind: record.kind, key: INNER_KEY, detail: record.detail }]);
    if (record.body instanceof Uint8Array) return record.body;
    throw this.#damage([{ kind: 'record-body', key: INNER_KEY, detail: 'the body is not a byte string' }]);
  }

  blocks(lane: LaneId, range: ReadRange): AsyncGenerator<B, void, void> {
    return this.#range(lane, range, blockReader(this.#model, lane));
  }

  commitQCs(range: ReadRange): AsyncGenerator<Q, void, void> {
    return this.#range(QC_LOG, range, commitQCReader(this.#model));
  }

  /**
   * Ends all reads. Waits for single reads; an iteration in progress throws LANESTORE_CLOSED at its
   * next step. When it resolves, all descriptors and value files are released.
   */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#singles);
    await this.#ranges.closeAll();
  }

  async #get<T>(log: LogName, number: bigint, read: ReadRecord<T>): Promise<T | undefined> {
    this.#source.assertUsable();
    if (!this.#holds(log, number)) return undefined;
    const reads = this.#source.reads();
    const reading = this.#getWith(reads, log, number, read).finally(() => reads.close());
    this.#singles.add(reading);
    try {
      return await reading;
    } finally {
      this.#singles.delete(reading);
    }
  }

  async #getWith<T>(reads: ValueReads, log: LogName, number: bigint, read: ReadRecord<T>): Promise<T | undefined> {
    const key = logKey(log, number);
    let value = await this.#engineRead(() => this.#source.engine.get(key));
    // Absent: a batch in flight may be truncating the entry. Between two batches, cursors and
    // database agree.
    value ??= await this.#source.readBetweenBatches(async () => {
      this.#source.assertUsable();
      if (!this.#holds(log, number)) return undefined;
      const again = await this.#engineRead(() => this.#source.engine.get(key));
      if (again === undefined) throw this.#damage([missing(log, number)]);
      return again;
    });
    return value === undefined ? undefined : this.#entryOf(reads, log, { number, key, value }, read);
  }

  async #entryOf<T>(reads: ValueReads, log: LogName, stored: StoredEntry, read: ReadRecord<T>): Promise<T> {
    const result = await this.#engineRead(() => resolveEntry(reads, log, stored, read));
    if ('finding' in result) throw this.#damage([result.finding]);
    return result.entry;
  }

  async *#range<T>(log: LogName, bounds: ReadRange, read: ReadRecord<T>): AsyncGenerator<T, void, void> {
    const range = await this.#source.readBetweenBatches(() => this.#openRange(log, bounds));
    if (range === undefined) return;
    const { reads, entries } = range;
    try {
      const next = () => this.#engineRead(() => entries.next());
      for (let items = await next(); items.length > 0; items = entries.isComplete ? [] : await next()) {
        for (const item of items) {
          this.#assertOpen();
          if ('finding' in item) throw this.#damage([item.finding]);
          const entry = await this.#entryOf(reads, log, item, read);
          this.#assertOpen();
          yield entry;
        }
      }
      this.#assertOpen();
    } finally {
      await this.#ranges.close(range);
    }
  }

  /** Opens the iteration of a log; undefined if the log holds nothing in these bounds. */
  #openRange(log: LogName, bounds: ReadRange): OpenRange | undefined {
    this.#source.assertUsable();
    if (this.#ranges.size >= OPEN_RANGES_MAX) {
      throw new LanestoreError('LANESTORE_CAPACITY', `${OPEN_RANGES_MAX} ranges are being read; end some first`);
    }
    const extent = extentOf(this.#source.tip(), log);
    if (extent === undefined) return undefined;
    const from = maxU64(bounds.from ?? 0n, extent.first);
    const to = minU64(bounds.to ?? extent.next, extent.next);
    if (from >= to) return undefined;
    const entries = new LogRange(this.#source.engine, log, from, to);
    // The reader of values begins last: if a later step failed, the reader would never be closed,
    // and would pin value files.
    return this.#ranges.add(new OpenRange(this.#source.reads(), entries));
  }

  #assertOpen(): void {
    if (this.#closed) throw new LanestoreError('LANESTORE_CLOSED', 'the store is closed');
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
      // An engine with errors of its own: no snapshot is free, a server is gone.
      if (cause instanceof LanestoreError) throw this.#source.explained(cause);
      const message = (cause as Error).message;
      if (isDamage((cause as { code?: string }).code, message)) {
        throw this.#source.explained(levelDamage('LevelDB found damage while reading', message, cause));
      }
      throw this.#source.explained(new LanestoreError('LANESTORE_IO', `reading failed: ${message}`, { cause }));
    }
  }

  #damage(findings: readonly Finding[]): LanestoreError {
    return this.#source.explained(corruptionError(findings));
  }
}
