/**
 * Recovery: compares the database with the content that the tip requires (docs/design.md,
 * Recovery). It reads and checks every live record, and collects every finding. It never writes and
 * never trims.
 *
 * It proves three things: each record in every range [first, next) is present, undamaged, and
 * matches its key; anchor and inner are those of the newest batch; no record lies outside the
 * ranges. A batch lost in the middle violates one of these. Only the witness proves that the newest
 * batch itself is present.
 */
import type { Finding } from '../../../errors.js';
import { ANCHOR_KEY, INNER_KEY, LANE_FLOORS_KEY, type LaneId, VOTES_KEY } from '../../../keys/index.js';
import type { Model } from '../../../model/model.js';
import { isRaw } from '../../../model/raw.js';
import { FindingList } from '../../finding-list.js';
import type { Recovered } from '../../persistence.js';
import type { AnchorPoint } from '../../planner.js';
import { anchorPoint } from '../../round-plan.js';
import type { Engine } from '../engine.js';
import { type ReadResult, readAnchor } from '../format/entry.js';
import { type LogName, QC_LOG } from '../format/log.js';
import { decodeRecord, isFault } from '../format/record.js';
import type { Extent, Tip } from '../format/tip.js';
import { isReference } from '../format/value-ref.js';
import { NO_STORED_VOTES, parseLaneFloors, parseVotes, type StoredVotes } from '../format/votes.js';
import { blockReader, commitQCReader, LogSequence, type ReadRecord, type StoredEntry } from '../read/log-range.js';
import { SeparatedEntries } from '../values/recovery.js';
import type { FoundReference } from '../values/value-store.js';
import { type LogCheck, readEntries } from './entries.js';

/** How records are checked. */
export interface RecordsOptions {
  /** False: check everything, keep no entries. */
  readonly load: boolean;
  /** The directory of value files; absent for a store that cannot have any. */
  readonly values?: string | undefined;
  /**
   * Check only anchor and inner: for a reader that reads every entry itself afterwards. Default
   * false.
   */
  readonly singlesOnly?: boolean;
  /** Maximum number of findings kept. */
  readonly findingsMax?: number | undefined;
  /** Called after each checked record, with the number of those so far and of all. */
  readonly onRecord?: ((done: number, total: number) => void) | undefined;
}

/** The records of a store, and the findings in them. */
export interface CheckedRecords<B, Q, A> {
  readonly recovered: Recovered<B, Q, A>;
  /** The anchor and the inner state, unless they are damaged or absent; also with `load: false`. */
  readonly singles: Pick<Recovered<B, Q, A>, 'anchor' | 'inner'>;
  readonly anchor: AnchorPoint | undefined;
  /**
   * The stored votes of the node's key. If the record is damaged: the votes of a key that was never
   * bound.
   */
  readonly votes: StoredVotes;
  /** The number of live records that were read and checked. */
  readonly records: number;
  /** Bytes of their values. */
  readonly bytes: number;
  /** Every reference to a separated value, including those of stale records. */
  readonly references: readonly FoundReference[];
  /** Sorted by key. */
  readonly findings: readonly Finding[];
  /** The number of all findings; `findings` holds the first of them. */
  readonly findingsTotal: number;
}

/**
 * Reads and checks every record that the tip requires. With `load: false` it checks the same and
 * keeps no entries.
 */
export function checkRecords<B, Q, A>(
  engine: Engine,
  model: Model<B, Q, A>,
  tip: Tip,
  options: RecordsOptions,
): Promise<CheckedRecords<B, Q, A>> {
  return new Recovery(engine, model, tip, options).run();
}

class Recovery<B, Q, A> {
  readonly #engine: Engine;
  readonly #model: Model<B, Q, A>;
  readonly #tip: Tip;
  readonly #load: boolean;
  readonly #singlesOnly: boolean;
  readonly #findings: FindingList;
  readonly #strays: FindingList;
  #records = 0;
  #bytes = 0;
  readonly #separated: SeparatedEntries;
  readonly #onRecord: RecordsOptions['onRecord'];
  readonly #total: number;

  constructor(engine: Engine, model: Model<B, Q, A>, tip: Tip, options: RecordsOptions) {
    const { load, values, singlesOnly = false, findingsMax, onRecord } = options;
    this.#engine = engine;
    this.#model = model;
    this.#tip = tip;
    this.#load = load;
    this.#singlesOnly = singlesOnly;
    this.#findings = new FindingList(findingsMax);
    this.#strays = new FindingList(findingsMax);
    this.#onRecord = onRecord;
    this.#total = onRecord === undefined ? 0 : liveRecords(tip);
    this.#separated = new SeparatedEntries(values, load, (finding) => this.#find(finding));
  }

  async run(): Promise<CheckedRecords<B, Q, A>> {
    const tip = this.#tip;
    const commitQCs: Q[] = [];
    const blocks = new Map<LaneId, B[]>();
    for (const [lane, extent] of tip.lanes) if (this.#load && extent.first < extent.next) blocks.set(lane, []);
    const reading = Promise.all([this.#readAnchor(), this.#readInner(), this.#readVotes()]);
    // Prevents an unhandled rejection: it is awaited while the first entries are read.
    reading.catch(() => undefined);
    if (!this.#singlesOnly) {
      await this.#readEntries(commitQCs, blocks, reading);
      await this.#separated.readAll();
    }
    const [anchor, inner, votes] = await reading;
    // Last, so that foreign keys do not take the places of what is missing.
    this.#findings.addList(this.#strays);
    const point = anchor === undefined || isRaw(this.#model) ? undefined : this.#checkAnchor(anchor);
    const singles = { ...(anchor === undefined ? {} : { anchor }), ...(inner === undefined ? {} : { inner }) };
    return {
      recovered: this.#load ? { ...singles, commitQCs, blocks } : { commitQCs: [], blocks: new Map() },
      singles,
      anchor: point,
      votes,
      records: this.#records,
      bytes: this.#bytes,
      references: this.#separated.found,
      findings: [...this.#findings.kept].sort(byKey),
      findingsTotal: this.#findings.total,
    };
  }

  #find(finding: Finding): void {
    this.#findings.add(finding);
  }

  #count(value: Uint8Array): void {
    this.#records++;
    this.#bytes += value.length;
    this.#onRecord?.(this.#records, this.#total);
  }

  async #readAnchor(): Promise<A | undefined> {
    const value = await this.#engine.get(ANCHOR_KEY);
    if (!this.#isExpected(ANCHOR_KEY, value, this.#tip.anchor)) return undefined;
    const result = readAnchor(this.#model, value);
    if ('finding' in result) {
      this.#find(result.finding);
      return undefined;
    }
    this.#checkCrc(ANCHOR_KEY, result.crc, this.#tip.anchor);
    return result.entry;
  }

  #readInner(): Promise<Uint8Array | undefined> {
    const parse = (body: unknown) => (body instanceof Uint8Array ? body : 'the body is not a byte string');
    return this.#readSingle(INNER_KEY, this.#tip.inner, parse);
  }

  async #readVotes(): Promise<StoredVotes> {
    const { votes: crc, laneFloors: floorsCrc } = this.#tip;
    const votes = await this.#readSingle(VOTES_KEY, crc, parseVotes);
    const laneFloors = await this.#readSingle(LANE_FLOORS_KEY, floorsCrc, parseLaneFloors);
    if (votes !== undefined) this.#checkLogs(votes);
    return { ...NO_STORED_VOTES, ...votes, ...(laneFloors === undefined ? {} : { laneFloors }) };
  }

  /** Reports positions of another arity than the model's: they could not be compared. */
  #checkLogs({ logs }: Pick<StoredVotes, 'logs'>): void {
    for (const [log, { watermark, floor }] of logs) {
      const arity = this.#model.votes?.logs[log]?.arity;
      const position = watermark?.at ?? floor;
      if (arity === undefined || position === undefined || position.length === arity) continue;
      const detail = `log ${log} has positions of ${position.length} numbers, those of the model have ${arity}`;
      this.#find({ kind: 'record-body', key: VOTES_KEY, log, detail });
    }
  }

  /** Reads a record with a fixed key; undefined if it is damaged or absent. */
  async #readSingle<T>(key: string, crc: number | null, parse: (body: unknown) => T | string): Promise<T | undefined> {
    const value = await this.#engine.get(key);
    if (!this.#isExpected(key, value, crc)) return undefined;
    const record = decodeRecord(key, value);
    if (isFault(record)) {
      this.#find({ kind: record.kind, key, detail: record.detail });
      return undefined;
    }
    const parsed = parse(record.body);
    if (typeof parsed === 'string') {
      this.#find({ kind: 'record-body', key, detail: parsed });
      return undefined;
    }
    this.#checkCrc(key, record.crc, crc);
    return parsed;
  }

  #isExpected(key: string, value: Uint8Array | undefined, crc: number | null): value is Uint8Array {
    if (value === undefined) {
      if (crc !== null) this.#find({ kind: 'missing', key, detail: 'the tip names it, but it is not there' });
      return false;
    }
    this.#count(value);
    if (crc !== null) return true;
    this.#find({ kind: 'stray', key, detail: 'it is there, but the tip knows of none' });
    return false;
  }

  #checkCrc(key: string, actual: number, expected: number | null): void {
    if (actual === expected) return;
    this.#find({ kind: 'tip-crc', key, detail: 'it is whole, but not the one that the newest batch wrote or kept' });
  }

  /**
   * Reads and checks all entries. None is checked before `singles`, so that findings come in the
   * same order each time.
   */
  async #readEntries(commitQCs: Q[], blocks: ReadonlyMap<LaneId, B[]>, singles: Promise<unknown>): Promise<void> {
    const logs = new Map<LogName, LogCheck>();
    logs.set(QC_LOG, this.#logCheck(QC_LOG, this.#tip.qc, commitQCReader(this.#model), commitQCs));
    for (const [lane, extent] of this.#tip.lanes) {
      logs.set(lane, this.#logCheck(lane, extent, blockReader(this.#model, lane), blocks.get(lane)));
    }
    await readEntries(this.#engine, this.#tip, logs, singles, {
      missing: (finding) => this.#find(finding),
      stray: (finding) => this.#strays.add(finding),
      stale: (key, value) => this.#separated.addStale(key, value),
    });
  }

  #logCheck<T>(log: LogName, { first, next }: Extent, read: ReadRecord<T>, into: T[] | undefined): LogCheck {
    return {
      first,
      sequence: new LogSequence(log, first, next),
      take: (entry) => this.#readEntry(log, entry, read, into),
    };
  }

  #readEntry<T>(log: LogName, { number, key, value }: StoredEntry, read: ReadRecord<T>, into: T[] | undefined): void {
    if (isReference(value)) {
      const check = (record: Uint8Array) => this.#read(number, key, record, read);
      this.#separated.add({ log, number, key, value, check, into });
      return;
    }
    const result = this.#read(number, key, value, read);
    if ('finding' in result) this.#find(result.finding);
    else if (this.#load) into?.push(result.entry);
  }

  #read<T>(number: bigint, key: string, record: Uint8Array, read: ReadRecord<T>): ReadResult<T> {
    this.#count(record);
    return read(number, key, record);
  }

  /**
   * Checks rule 3, which holds after every batch: nothing lies below the stored anchor. The oldest
   * CommitQC is the anchor's, or a later one to which `commitQCs.maybePruneAndPersist` has
   * truncated since.
   */
  #checkAnchor(anchor: A): AnchorPoint | undefined {
    let point: AnchorPoint;
    try {
      point = anchorPoint(this.#model, anchor);
    } catch (error) {
      this.#find({ kind: 'record-body', key: ANCHOR_KEY, detail: (error as Error).message });
      return undefined;
    }
    const { qc, lanes } = this.#tip;
    if (qc.first < point.index || qc.next === qc.first) {
      const detail = `the anchor is at road index ${point.index}, the QC log holds [${qc.first}, ${qc.next})`;
      this.#find({ kind: 'anchor-range', key: ANCHOR_KEY, number: point.index, detail });
    }
    for (const [lane, start] of point.laneStarts) {
      const extent = lanes.get(lane);
      if (extent === undefined || extent.first >= start) continue;
      const detail = `the anchor has the lane begin at ${start}, the lane holds [${extent.first}, ${extent.next})`;
      this.#find({ kind: 'anchor-range', key: ANCHOR_KEY, lane, number: start, detail });
    }
    return point;
  }
}

/** The number of records that the tip names. */
function liveRecords({ qc, lanes, anchor, inner, votes, laneFloors }: Tip): number {
  const singles = [anchor, inner, votes, laneFloors].filter((crc) => crc !== null).length;
  return [qc, ...lanes.values()].reduce((sum, { first, next }) => sum + Number(next - first), singles);
}

/** Sorts findings by key: they are found in another order. */
function byKey(a: Finding, b: Finding): number {
  const [left = '', right = ''] = [a.key, b.key];
  return left < right ? -1 : left > right ? 1 : 0;
}
