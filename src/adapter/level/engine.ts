/**
 * The abstract-level database of a store: the few calls that the store uses, with fixed encodings;
 * every write is synced.
 */
import type { AbstractChainedBatch, AbstractChainedBatchWriteOptions, AbstractLevel } from 'abstract-level';
import type { KeyRange } from '../../keys/index.js';
import { keyBytes, type Operation } from './format/operation.js';

/** Any abstract-level database: classic-level, memory-level, a sublevel of one. */
// biome-ignore lint/suspicious/noExplicitAny: the caller's types do not matter: calls pass encodings
export type AnyLevel = AbstractLevel<any, any, any>;

// biome-ignore lint/suspicious/noExplicitAny: as for AnyLevel
type AnyBatch = AbstractChainedBatch<any, any, any>;

/**
 * A chained batch by the methods that abstract-level calls of an implementation (abstract-level's
 * README, "Private API For Implementors"); classic-level's copy keys and values as they are added.
 */
interface ReusableBatch {
  _put(key: Uint8Array, value: Uint8Array): void;
  _del(key: Uint8Array): void;
  _clear(): void;
  _write(options: typeof SYNC): Promise<void>;
  close(): Promise<void>;
}

/** A key and its value. */
export type Entry = readonly [key: string, value: Uint8Array];

/**
 * Passed with every call, so that the caller's own defaults do not matter. Only
 * {@link Engine.fill} into a database of `openDatabase` does without them.
 */
const ENCODINGS = { keyEncoding: 'utf8', valueEncoding: 'view' } as const;

/** `sync` is classic-level's option; memory-level ignores it. */
const SYNC: AbstractChainedBatchWriteOptions & { readonly sync: true } = { sync: true };

/**
 * Bytes that an iterator reads ahead: enough for throughput, and small enough to hold many
 * iterators.
 */
const READ_AHEAD_BYTES = 1024 * 1024;
/** Entries that an iterator reads ahead. */
const READ_AHEAD_ENTRIES = 1000;

/** A filled batch, to be written or discarded. */
export interface FilledBatch {
  /** Writes the batch atomically; it is durable when the call resolves. */
  write(): Promise<void>;
  /** Called once the batch is durable: its memory may be used again. */
  recycle(): void;
  /** Called instead if it is not written, or once its write has failed. Idempotent. */
  discard(): Promise<void>;
}

/** Larger batches are not reused: the memory of one would be kept for the life of the store. */
const REUSED_BYTES_MAX = 1024 * 1024;

/** The engine of a store. It serializes nothing: the commit queue is its only writer. */
export class Engine {
  /**
   * True if {@link fill} copies all keys and values before it returns, so that the caller can reuse
   * their memory.
   */
  readonly copies: boolean;
  readonly #db: AnyLevel;
  /** An empty batch, and a written one that must be cleared before it is used again. */
  #empty: ReusableBatch | undefined;
  #written: ReusableBatch | undefined;

  /**
   * Set `copies` only for a database of `openDatabase`: its chained batch copies bytes as they are
   * added. memory-level keeps references to them.
   */
  constructor(db: AnyLevel, copies = false) {
    this.#db = db;
    this.copies = copies;
  }

  /** Makes or clears the next batch ahead of {@link fill}. Idempotent. */
  prepare(): void {
    if (this.copies && this.#db.status === 'open') this.#empty ??= this.#cleared();
  }

  /**
   * Passes one batch to LevelDB; every write of this project uses it. A chained batch, because the
   * array form takes at least 1.4 times as long for a round (docs/benchmarks-details.md).
   *
   * With {@link copies} this takes less than half of the time: nothing is looked up for an
   * operation, since the database has no hooks, no listeners and no encodings but bytes; and the
   * memory of a batch is used again. From filling to the end of its write, a batch belongs to its
   * caller alone.
   */
  fill(operations: readonly Operation[]): FilledBatch {
    if (!this.copies) return fill(this.#db.batch(), operations);
    const batch = this.#empty ?? this.#cleared();
    this.#empty = undefined;
    let bytes = 0;
    try {
      for (const operation of operations) {
        if (operation.type === 'put') {
          // The value first: sealing its record writes the key into the buffer that the next line
          // fills again.
          const { value } = operation;
          const key = keyBytes(operation);
          batch._put(key, value);
          bytes += key.length + value.length;
        } else {
          const key = keyBytes(operation);
          batch._del(key);
          bytes += key.length;
        }
      }
    } catch (error) {
      void batch.close();
      throw error;
    }
    return {
      write: () => {
        const { status } = this.#db;
        return status === 'open' ? batch._write(SYNC) : Promise.reject(new Error(`the database is ${status}`));
      },
      recycle: () => {
        if (bytes <= REUSED_BYTES_MAX && this.#written === undefined) this.#written = batch;
        else void batch.close();
      },
      discard: () => batch.close(),
    };
  }

  /** Writes one atomic batch; it is durable when the call resolves. */
  async write(operations: readonly Operation[]): Promise<void> {
    const filled = this.fill(operations);
    try {
      await filled.write();
      filled.recycle();
    } catch (error) {
      await filled.discard();
      throw error;
    }
  }

  /**
   * Compacts the tables with keys from `from` to `to`, both included. No effect on a database other
   * than LevelDB. The readable content does not change, and rounds go on.
   */
  async compact(from: string, to: string): Promise<void> {
    const db = this.#db as AnyLevel & { compactRange?(from: string, to: string, options: object): Promise<void> };
    await db.compactRange?.(from, to, { keyEncoding: 'utf8' });
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#db.get<string, Uint8Array>(key, ENCODINGS) as Promise<Uint8Array | undefined>;
  }

  /** The first `limit` keys of a range, ascending. */
  async keys(range: Partial<KeyRange>, limit: number): Promise<string[]> {
    return this.#db.keys<string>({ ...range, limit, keyEncoding: 'utf8' }).all();
  }

  /**
   * The entries of a range in portions, ascending, from a snapshot that is taken when the loop
   * begins.
   */
  async *portions(range: Partial<KeyRange>): AsyncGenerator<readonly Entry[], void, void> {
    const reader = this.entries(range);
    try {
      for (let portion = await reader.next(); portion.length > 0; portion = await reader.next()) yield portion;
    } finally {
      await reader.close();
    }
  }

  /** A reader of a range, ascending, from a snapshot that is taken now. */
  entries(range: Partial<KeyRange>): EntryReader {
    const options = { ...range, ...ENCODINGS, highWaterMarkBytes: READ_AHEAD_BYTES };
    return new EntryReader(this.#db.iterator<string, Uint8Array>(options));
  }

  /** @throws if the database is not open. */
  #cleared(): ReusableBatch {
    const batch = this.#written;
    this.#written = undefined;
    if (batch === undefined || this.#db.status !== 'open') return this.#db.batch() as unknown as ReusableBatch;
    batch._clear();
    return batch;
  }
}

function fill(batch: AnyBatch, operations: readonly Operation[]): FilledBatch {
  try {
    for (const operation of operations) {
      if (operation.type === 'put') batch.put<string, Uint8Array>(operation.key, operation.value, ENCODINGS);
      else batch.del<string>(operation.key, ENCODINGS);
    }
  } catch (error) {
    // For example, a hook of the caller's database threw.
    batch.close().catch(() => undefined);
    throw error;
  }
  return { write: () => batch.write(SYNC), recycle: () => undefined, discard: () => batch.close() };
}

interface RawIterator {
  nextv(size: number): Promise<[string, Uint8Array][]>;
  close(): Promise<void>;
}

/** Reads a range in portions. */
export class EntryReader {
  readonly #iterator: RawIterator;

  constructor(iterator: RawIterator) {
    this.#iterator = iterator;
  }

  /** The next entries; an empty array is the end. A portion may be short without being the last. */
  next(): Promise<readonly Entry[]> {
    return this.#iterator.nextv(READ_AHEAD_ENTRIES);
  }

  close(): Promise<void> {
    return this.#iterator.close();
  }
}
