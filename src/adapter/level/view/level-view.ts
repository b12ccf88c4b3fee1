/** A view over the LevelDB of a private copy. */
import { type Closable, OpenSet } from '../../../base/open-set.js';
import { boolean, fields, string } from '../../../base/options.js';
import { type Finding, LanestoreError } from '../../../errors.js';
import {
  INNER_KEY,
  type KeyRange,
  LANE_FLOORS_KEY,
  type LaneId,
  laneId,
  maxU64,
  minU64,
  parseKey,
  U64_MAX,
  u64,
  VOTES_KEY,
} from '../../../keys/index.js';
import type { Model } from '../../../model/model.js';
import { coded } from '../database.js';
import type { Engine } from '../engine.js';
import { corruptionError } from '../format/corruption-error.js';
import { type ReadResult, readAnchor, readBlock, readCommitQC } from '../format/entry.js';
import { type LogName, logKey, QC_LOG } from '../format/log.js';
import { decodeRecord, isFault } from '../format/record.js';
import type { Schema } from '../format/schema.js';
import type { Extent, Tip } from '../format/tip.js';
import { decodeReference, isReference, type ValueRef } from '../format/value-ref.js';
import { parseLaneFloors, parseVotes, type StoredVotes } from '../format/votes.js';
import { strayOf } from '../open/strays.js';
import { blockReader, commitQCReader, LogRange, type ReadRecord, resolveEntry } from '../read/log-range.js';
import { RANGE_CHECKS } from '../read/reader.js';
import { findingFile } from '../values/names.js';
import { placeOf, ValueReads } from '../values/reads.js';
import type {
  Extents,
  StoredAt,
  StoreFile,
  StoreView,
  ViewEntry,
  ViewItem,
  ViewPlace,
  ViewRange,
  WitnessView,
} from './store-view.js';

/** The state of a store when a view was opened. */
export interface ViewParts<B, Q, A> {
  readonly model: Model<B, Q, A>;
  /** Absent if LevelDB cannot open the copy. */
  readonly engine: Engine | undefined;
  /** The directory of the copied value files; absent if there is no copy. */
  readonly values: string | undefined;
  readonly location: string;
  readonly schema: Schema | undefined;
  readonly tip: Tip | undefined;
  readonly witness: WitnessView;
  readonly anchor: A | undefined;
  readonly inner: Uint8Array | undefined;
  readonly votes: StoredVotes | undefined;
  readonly records: number;
  readonly bytes: number;
  readonly findings: readonly Finding[];
  readonly findingsTotal: number;
  readonly notes: readonly string[];
  readonly refusal: LanestoreError | undefined;
  readonly files: readonly StoreFile[];
  readonly tries: number;
  readonly release: () => Promise<void>;
}

const checkViewRange = fields<ViewRange>({ ...RANGE_CHECKS, stale: boolean });

const checkKeyRange = fields<Partial<KeyRange>>({ gte: string, lt: string });

/** A reader of portions; an empty portion is the end. */
interface Portions<T> extends Closable {
  next(): Promise<readonly T[]>;
}

const NOTHING: Extent = { first: 0n, next: 0n, swept: 0n };

/** A view over the LevelDB of a private copy; see {@link StoreView}. */
export class LevelView<B, Q, A> implements StoreView<B, Q, A> {
  readonly location: string;
  readonly schema: Schema | undefined;
  readonly tip: Tip | undefined;
  readonly witness: WitnessView;
  readonly cursors: Extents;
  readonly anchor: A | undefined;
  readonly inner: Uint8Array | undefined;
  readonly votes: StoredVotes | undefined;
  readonly records: number;
  readonly bytes: number;
  readonly findings: readonly Finding[];
  readonly findingsTotal: number;
  readonly notes: readonly string[];
  readonly refusal: LanestoreError | undefined;
  readonly files: readonly StoreFile[];
  readonly tries: number;
  readonly #model: Model<B, Q, A>;
  readonly #engine: Engine | undefined;
  readonly #values: string | undefined;
  readonly #release: () => Promise<void>;
  /** Resources of the reads in progress. */
  readonly #open = new OpenSet();
  #closing: Promise<void> | undefined;

  /** Use `openView`. */
  constructor(parts: ViewParts<B, Q, A>) {
    this.location = parts.location;
    this.schema = parts.schema;
    this.tip = parts.tip;
    this.witness = parts.witness;
    this.cursors = { lanes: parts.tip?.lanes ?? new Map(), commitQCs: parts.tip?.qc ?? NOTHING };
    this.anchor = parts.anchor;
    this.inner = parts.inner;
    this.votes = parts.votes;
    this.records = parts.records;
    this.bytes = parts.bytes;
    this.findings = parts.findings;
    this.findingsTotal = parts.findingsTotal;
    this.notes = parts.notes;
    this.refusal = parts.refusal;
    this.files = parts.files;
    this.tries = parts.tries;
    this.#model = parts.model;
    this.#engine = parts.engine;
    this.#values = parts.values;
    this.#release = parts.release;
  }

  entries(range: Partial<KeyRange> = {}): AsyncGenerator<ViewEntry, void, void> {
    checkKeyRange(range, 'entries: range');
    return this.#entries(range);
  }

  async *#entries(range: Partial<KeyRange>): AsyncGenerator<ViewEntry, void, void> {
    const reads = this.#reads();
    try {
      for await (const [key, value] of this.#read((engine) => engine.entries(range))) {
        const entry = await this.#viewed(reads, key, value);
        this.#assertOpen();
        yield entry;
      }
    } finally {
      await this.#open.close(reads);
    }
  }

  places(range: Partial<KeyRange> = {}): AsyncGenerator<ViewPlace, void, void> {
    checkKeyRange(range, 'places: range');
    return this.#places(range);
  }

  async *#places(range: Partial<KeyRange>): AsyncGenerator<ViewPlace, void, void> {
    for await (const [key, value] of this.#read((engine) => engine.entries(range))) {
      const reference = isReference(value) ? decodeReference(key, value) : undefined;
      if (reference === undefined || 'kind' in reference) yield { key, bytes: value.length, stored: 'inline' };
      else yield { key, bytes: reference.length, stored: storedAt(reference) };
    }
  }

  async get(key: string): Promise<ViewEntry | undefined> {
    string(key, 'get: key');
    const value = await this.#get(key);
    return value === undefined ? undefined : this.#reading((reads) => this.#viewed(reads, key, value));
  }

  block(lane: LaneId, number: bigint): Promise<B | undefined> {
    return this.#entry(laneId(lane), u64(number, 'block number'), blockReader(this.#model, lane));
  }

  commitQC(index: bigint): Promise<Q | undefined> {
    return this.#entry(QC_LOG, u64(index, 'road index'), commitQCReader(this.#model));
  }

  blocks(lane: LaneId, range: ViewRange = {}): AsyncGenerator<ViewItem<B>, void, void> {
    checkViewRange(range, 'blocks: range');
    return this.#items(laneId(lane), this.cursors.lanes.get(lane), range, blockReader(this.#model, lane));
  }

  commitQCs(range: ViewRange = {}): AsyncGenerator<ViewItem<Q>, void, void> {
    checkViewRange(range, 'commitQCs: range');
    return this.#items(QC_LOG, this.cursors.commitQCs, range, commitQCReader(this.#model));
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #entry<T>(log: LogName, number: bigint, read: ReadRecord<T>): Promise<T | undefined> {
    const key = logKey(log, number);
    const value = await this.#get(key);
    if (value === undefined) return undefined;
    const result = await this.#reading((reads) => resolveEntry(reads, log, { number, key, value }, read)).catch(
      rethrown,
    );
    if ('finding' in result) throw corruptionError([result.finding]);
    return result.entry;
  }

  async *#items<T>(
    log: LogName,
    extent: Extent | undefined,
    { from = 0n, to = U64_MAX, stale = false }: ViewRange,
    read: ReadRecord<T>,
  ): AsyncGenerator<ViewItem<T>, void, void> {
    this.#assertOpen();
    const { first, next } = extent ?? NOTHING;
    const [begin, end] = stale ? [from, to] : [maxU64(from, first), minU64(to, next)];
    if (begin >= end) return;
    const reads = this.#reads();
    try {
      for await (const stored of this.#read((engine) => new LogRange(engine, log, begin, end))) {
        // Missing and stray keys are among the view's findings.
        if ('finding' in stored) continue;
        const result = await resolveEntry(reads, log, stored, read).catch(rethrown);
        this.#assertOpen();
        const { key, number } = stored;
        const item = { key, number, stale: number < first || number >= next };
        yield 'finding' in result ? { ...item, finding: result.finding } : { ...item, entry: result.entry };
      }
    } finally {
      await this.#open.close(reads);
    }
  }

  async #get(key: string): Promise<Uint8Array | undefined> {
    this.#assertOpen();
    return this.#engine?.get(key).catch(rethrown);
  }

  async *#read<T>(open: (engine: Engine) => Portions<T>): AsyncGenerator<T, void, void> {
    this.#assertOpen();
    if (this.#engine === undefined) return;
    const reader = this.#open.add(open(this.#engine));
    try {
      for (;;) {
        const portion = await reader.next().catch((error) => {
          this.#assertOpen();
          return rethrown(error);
        });
        this.#assertOpen();
        if (portion.length === 0) return;
        for (const item of portion) {
          yield item;
          // After `close`, the files of the copy may be gone, and a failed read would look like
          // damage.
          this.#assertOpen();
        }
      }
    } finally {
      await this.#open.close(reader);
    }
  }

  /** A reader of values; `#open` closes it. */
  #reads(): ValueReads {
    this.#assertOpen();
    return this.#open.add(new ValueReads(this.#values));
  }

  async #reading<T>(read: (reads: ValueReads) => Promise<T>): Promise<T> {
    const reads = this.#reads();
    try {
      return await read(reads);
    } finally {
      await this.#open.close(reads);
    }
  }

  /** Ends the reads in progress, then removes the copy. */
  async #end(): Promise<void> {
    await this.#open.closeAll().finally(() => this.#release());
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new LanestoreError('LANESTORE_CLOSED', 'the view is closed');
  }

  async #viewed(reads: ValueReads, key: string, value: Uint8Array): Promise<ViewEntry> {
    const resolved = await reads.resolve(key, value).catch(rethrown);
    const { reference } = resolved;
    const place = placeOf(reference);
    const stored = reference === undefined ? 'inline' : storedAt(reference);
    if ('fault' in resolved) return { key, value, stored, finding: { ...resolved.fault, key, ...place } };
    const finding = this.#wrong(key, resolved.record);
    return {
      key,
      value: resolved.record,
      stored,
      ...(finding === undefined ? {} : { finding: { ...finding, ...place } }),
    };
  }

  #wrong(key: string, value: Uint8Array): Finding | undefined {
    const stray = this.tip === undefined ? undefined : strayOf(key, this.tip);
    if (stray !== undefined) return stray;
    const parsed = parseKey(key);
    switch (parsed?.kind) {
      case 'block':
        return findingIn(readBlock(this.#model, parsed.lane, parsed.number, key, value));
      case 'commitQC':
        return findingIn(readCommitQC(this.#model, parsed.index, key, value));
      case 'anchor':
        return findingIn(readAnchor(this.#model, value));
    }
    const record = decodeRecord(key, value);
    if (isFault(record)) return { kind: record.kind, key, detail: record.detail };
    const detail = wrongBody(key, record.body);
    return detail === undefined ? undefined : { kind: 'record-body', key, detail };
  }
}

/** What is wrong with the body of a record of which there is one. */
function wrongBody(key: string, body: unknown): string | undefined {
  if (key === INNER_KEY) return body instanceof Uint8Array ? undefined : 'the body is not a byte string';
  const parsed = key === VOTES_KEY ? parseVotes(body) : key === LANE_FLOORS_KEY ? parseLaneFloors(body) : undefined;
  return typeof parsed === 'string' ? parsed : undefined;
}

function storedAt({ file, offset, length }: ValueRef): StoredAt {
  return { file: findingFile(file), offset, length };
}

function findingIn(result: ReadResult<unknown>): Finding | undefined {
  return 'finding' in result ? result.finding : undefined;
}

function rethrown(error: unknown): never {
  throw coded(error);
}
