/** The abstract-level database under a store: the few calls that are used, always with the same encodings or what comes to the same, always synced. */
import type { AbstractChainedBatch, AbstractChainedBatchWriteOptions, AbstractLevel } from 'abstract-level';
import type { KeyRange } from '../../keys/index.js';
import { keyBytes, type Operation } from './format/operation.js';

/** Any abstract-level database: classic-level, memory-level, a sublevel of one. */
// biome-ignore lint/suspicious/noExplicitAny: the caller's own key and value types do not matter here, encodings are given with every call
export type AnyLevel = AbstractLevel<any, any, any>;

/** A key and its value, as read. */
export type Entry = readonly [key: string, value: Uint8Array];

/** Given with every call, so that the caller's own defaults do not matter; but for writing into a database that we opened, see {@link fillWithBytes}. */
const ENCODINGS = { keyEncoding: 'utf8', valueEncoding: 'view' } as const;

/** `sync` is classic-level's option; a database without a disk ignores it. */
const SYNC: AbstractChainedBatchWriteOptions & { readonly sync: true } = { sync: true };

/** Bytes that an iterator reads ahead at a time: enough to be quick, little enough to hold many of them. */
const READ_AHEAD_BYTES = 1024 * 1024;
/** Entries that an iterator reads ahead at a time. */
const READ_AHEAD_ENTRIES = 1000;

/** A batch that LevelDB has been given, to be written or given up. */
export interface FilledBatch {
  /** Atomic, and durable when it resolves. */
  write(): Promise<void>;
  discard(): Promise<void>;
}

/** The engine of a store. It serializes nothing: the commit queue is its only writer. */
export class Engine {
  /** True if {@link fill} has copied all keys and values when it returns: then their memory is free again. */
  readonly copies: boolean;
  readonly #db: AnyLevel;

  /** `copies` only for a database of `openDatabase`: its chained batch takes bytes over as they come. memory-level keeps them. */
  constructor(db: AnyLevel, copies = false) {
    this.#db = db;
    this.copies = copies;
  }

  /**
   * Gives LevelDB one batch. The only way in which this project writes to LevelDB. A chained batch: the array form takes 1.4 times as
   * long a round, or more (docs/benchmarks-details.md).
   */
  fill(operations: readonly Operation[]): FilledBatch {
    const batch = this.#db.batch();
    try {
      if (this.copies) fillWithBytes(batch, operations);
      else fill(batch, operations);
    } catch (error) {
      batch.close().catch(() => undefined);
      throw error;
    }
    return { write: () => batch.write(SYNC), discard: () => batch.close() };
  }

  /** One atomic batch, durable when it resolves. */
  async write(operations: readonly Operation[]): Promise<void> {
    return this.fill(operations).write();
  }

  /** Compacts the tables with keys from `from` to `to`, both included. Only for a LevelDB; nothing that is read changes, and rounds go on. */
  async compact(from: string, to: string): Promise<void> {
    const db = this.#db as AnyLevel & { compactRange?(from: string, to: string, options: object): Promise<void> };
    await db.compactRange?.(from, to, { keyEncoding: 'utf8' });
  }

  get(key: string): Promise<Uint8Array | undefined> {
    return this.#db.get<string, Uint8Array>(key, ENCODINGS) as Promise<Uint8Array | undefined>;
  }

  /** Keys of a range, ascending, at most `limit`. */
  async keys(range: Partial<KeyRange>, limit: number): Promise<string[]> {
    return this.#db.keys<string>({ ...range, limit, keyEncoding: 'utf8' }).all();
  }

  /** A reader of a range, ascending, from a snapshot that is taken now. */
  entries(range: Partial<KeyRange>): EntryReader {
    const options = { ...range, ...ENCODINGS, highWaterMarkBytes: READ_AHEAD_BYTES };
    return new EntryReader(this.#db.iterator<string, Uint8Array>(options));
  }
}

// biome-ignore lint/suspicious/noExplicitAny: as for AnyLevel
type AnyBatch = AbstractChainedBatch<any, any, any>;

function fill(batch: AnyBatch, operations: readonly Operation[]): void {
  for (const operation of operations) {
    if (operation.type === 'put') batch.put<string, Uint8Array>(operation.key, operation.value, ENCODINGS);
    else batch.del<string>(operation.key, ENCODINGS);
  }
}

/** The same in half the time: one memory for all keys of a log, and no encodings to look up, because the database has these by itself. */
function fillWithBytes(batch: AnyBatch, operations: readonly Operation[]): void {
  for (const operation of operations) {
    if (operation.type === 'put') {
      // The value first: to make it a record its key is written where the next one's will be.
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

  /** The next entries; none means the end. A portion may be short without being the last. */
  next(): Promise<readonly Entry[]> {
    return this.#iterator.nextv(READ_AHEAD_ENTRIES);
  }

  close(): Promise<void> {
    return this.#iterator.close();
  }
}
