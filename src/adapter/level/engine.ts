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

/** A key and its value. */
export type Entry = readonly [key: string, value: Uint8Array];

/**
 * Passed with every call, so that the caller's own defaults do not matter. Only writes into a
 * database of `openDatabase` omit them, see {@link fillWithBytes}.
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
  discard(): Promise<void>;
}

/** The engine of a store. It serializes nothing: the commit queue is its only writer. */
export class Engine {
  /**
   * True if {@link fill} copies all keys and values before it returns, so that the caller can reuse
   * their memory.
   */
  readonly copies: boolean;
  readonly #db: AnyLevel;
  #prepared: AnyBatch | undefined;

  /**
   * Set `copies` only for a database of `openDatabase`: its chained batch copies bytes as they are
   * added. memory-level keeps references to them.
   */
  constructor(db: AnyLevel, copies = false) {
    this.#db = db;
    this.copies = copies;
  }

  /**
   * Makes the next batch ahead of {@link fill}. Only for a database of `openDatabase`: hooks that
   * are added to a caller's database later would miss it.
   */
  prepare(): void {
    if (this.copies && this.#db.status === 'open') this.#prepared ??= this.#db.batch();
  }

  /**
   * Passes one batch to LevelDB; every write of this project uses it. A chained batch, because the
   * array form takes at least 1.4 times as long for a round (docs/benchmarks-details.md).
   */
  fill(operations: readonly Operation[]): FilledBatch {
    const batch = this.#prepared ?? this.#db.batch();
    this.#prepared = undefined;
    try {
      if (this.copies) fillWithBytes(batch, operations);
      else fill(batch, operations);
    } catch (error) {
      batch.close().catch(() => undefined);
      throw error;
    }
    return { write: () => batch.write(SYNC), discard: () => batch.close() };
  }

  /** Writes one atomic batch; it is durable when the call resolves. */
  async write(operations: readonly Operation[]): Promise<void> {
    return this.fill(operations).write();
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
}

function fill(batch: AnyBatch, operations: readonly Operation[]): void {
  for (const operation of operations) {
    if (operation.type === 'put') batch.put<string, Uint8Array>(operation.key, operation.value, ENCODINGS);
    else batch.del<string>(operation.key, ENCODINGS);
  }
}

/**
 * Like {@link fill} in half the time: one buffer for all keys of a log, and no encodings to look
 * up, because they are the database's defaults.
 */
function fillWithBytes(batch: AnyBatch, operations: readonly Operation[]): void {
  for (const operation of operations) {
    if (operation.type === 'put') {
      // The value first: sealing its record writes the key into the buffer that the next line fills
      // again.
      const { value } = operation;
      batch.put(keyBytes(operation), value);
    } else batch.del(keyBytes(operation));
  }
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
