/**
 * Recovery: what is in the database against what the tip says must be there (docs/design.md, Recovery). It reads everything that is
 * live, checks all of it, and collects every finding; it never writes and never trims.
 *
 * It proves: each record in every range [first, next) is there, unharmed, and what its key says; anchor and inner are the ones that the
 * newest batch knew; nothing lies outside of the ranges. A batch lost in the middle shows as one of these. That the newest batch itself
 * is there only the witness can tell.
 */
import { type Finding, type FindingKind, LanestoreError } from '../../../errors.js';
import { ANCHOR_KEY, INNER_KEY, type LaneId, parseKey, TIP_KEY } from '../../../keys/index.js';
import type { Model } from '../../../model/model.js';
import { FINDINGS_MAX, FindingList } from '../../finding-list.js';
import type { Recovered } from '../../persistence.js';
import type { AnchorPoint } from '../../planner.js';
import { anchorPoint } from '../../round-plan.js';
import type { Engine } from '../engine.js';
import { corruptionError } from '../format/corruption-error.js';
import { type ReadResult, readAnchor, readBlock, readCommitQC } from '../format/entry.js';
import { type LogName, logKey, logKeys, logRange, QC_LOG } from '../format/log.js';
import { decodeRecord, isFault } from '../format/record.js';
import { type Extent, parseTip, type Tip } from '../format/tip.js';
import { isReference } from '../format/value-ref.js';
import { SeparatedEntries } from '../values/recovery.js';
import type { FoundReference } from '../values/value-store.js';
import { findStrays } from './strays.js';

/** Ranges that are read at the same time: as many as libuv has threads for. */
const PARALLEL_READS = 4;

/** What recovery read. */
export interface RecoveryResult<B, Q, A> {
  readonly recovered: Recovered<B, Q, A>;
  readonly anchor: AnchorPoint | undefined;
  /** Live records that were read and checked. */
  readonly records: number;
  /** Bytes of their values. */
  readonly bytes: number;
  /** Every reference to a separated value, those of stale records too. */
  readonly references: readonly FoundReference[];
}

/** How {@link recover} goes about it. */
export interface RecoverOptions {
  /** False: check the same, keep nothing. */
  readonly load: boolean;
  /** The directory of value files; absent for a store that can have none. */
  readonly values?: string;
  /** Only anchor and inner: for a reader that is going to read every entry itself. Default false. */
  readonly singlesOnly?: boolean;
  /** What else is wrong with the store: told together with what is found. */
  readonly known?: readonly Finding[];
}

/** The same with all that was found wrong, for those who look at a damaged store too. */
export interface Examination<B, Q, A> extends RecoveryResult<B, Q, A> {
  /** The anchor and the inner state, unless they are damaged or absent; also with `load: false`. */
  readonly singles: Pick<Recovered<B, Q, A>, 'anchor' | 'inner'>;
  readonly findings: readonly Finding[];
  /** How many there were; `findings` holds the first of them. */
  readonly findingsTotal: number;
}

/**
 * Reads the tip.
 * @throws LANESTORE_CORRUPT if it is absent, damaged, or of another store than `store`, if that is known.
 */
export async function readTip(engine: Engine, store?: Uint8Array): Promise<Tip> {
  const corrupt = (kind: FindingKind, detail: string) =>
    new LanestoreError('LANESTORE_CORRUPT', `${TIP_KEY}: ${detail}`, { findings: [{ kind, key: TIP_KEY, detail }] });
  const value = await engine.get(TIP_KEY);
  if (value === undefined) throw corrupt('tip-missing', 'the record is missing: what must be in the store is unknown');
  const record = decodeRecord(TIP_KEY, value);
  if (isFault(record)) throw corrupt(record.kind, record.detail);
  const tip = parseTip(record.body);
  if (typeof tip === 'string') throw corrupt('tip-body', tip);
  if (store !== undefined && Buffer.compare(tip.store, store) !== 0) {
    throw corrupt('tip-store', `it is of store ${hex(tip.store)}, the schema says ${hex(store)}`);
  }
  return tip;
}

/**
 * Reads and checks everything that the tip says must be there. With `load: false` it checks the same and keeps nothing.
 * @throws LANESTORE_CORRUPT, or LANESTORE_ROLLED_BACK if nothing is damaged, with all findings: those that are `known` already, then
 * those of the records.
 */
export async function recover<B, Q, A>(
  engine: Engine,
  model: Model<B, Q, A>,
  tip: Tip,
  options: RecoverOptions,
): Promise<RecoveryResult<B, Q, A>> {
  const { known = [] } = options;
  const found = await examine(engine, model, tip, options);
  const total = known.length + found.findingsTotal;
  if (total > 0) throw corruptionError([...known, ...found.findings], total);
  return found;
}

/** The same, but what is wrong is handed out, and what is not. `findingsMax` bounds the list. */
export function examine<B, Q, A>(
  engine: Engine,
  model: Model<B, Q, A>,
  tip: Tip,
  options: RecoverOptions & { readonly findingsMax?: number },
): Promise<Examination<B, Q, A>> {
  return new Recovery(engine, model, tip, options).run();
}

class Recovery<B, Q, A> {
  readonly #engine: Engine;
  readonly #model: Model<B, Q, A>;
  readonly #tip: Tip;
  readonly #load: boolean;
  readonly #singlesOnly: boolean;
  readonly #findings: FindingList;
  #records = 0;
  #bytes = 0;
  readonly #separated: SeparatedEntries;

  constructor(
    engine: Engine,
    model: Model<B, Q, A>,
    tip: Tip,
    {
      load,
      values,
      singlesOnly = false,
      findingsMax = FINDINGS_MAX,
    }: RecoverOptions & { readonly findingsMax?: number },
  ) {
    this.#engine = engine;
    this.#model = model;
    this.#tip = tip;
    this.#load = load;
    this.#singlesOnly = singlesOnly;
    this.#findings = new FindingList(findingsMax);
    this.#separated = new SeparatedEntries(values, load, (finding) => this.#find(finding));
  }

  async run(): Promise<Examination<B, Q, A>> {
    const tip = this.#tip;
    const commitQCs: Q[] = [];
    const blocks = new Map<LaneId, B[]>();
    for (const [lane, extent] of tip.lanes) if (this.#load && extent.first < extent.next) blocks.set(lane, []);
    const [anchor, inner] = await Promise.all([this.#readAnchor(), this.#readInner()]);
    const tasks = [
      () =>
        this.#readLog(QC_LOG, tip.qc, (index, key, value) => readCommitQC(this.#model, index, key, value), commitQCs),
      ...[...tip.lanes].map(
        ([lane, extent]) =>
          () =>
            this.#readLog(
              lane,
              extent,
              (number, key, value) => readBlock(this.#model, lane, number, key, value),
              blocks.get(lane),
            ),
      ),
      () => findStrays(this.#engine, this.#tip, (finding) => this.#find(finding)),
    ];
    if (!this.#singlesOnly) {
      await runParallel(tasks, PARALLEL_READS);
      await this.#separated.readAll();
      await this.#separated.findStale(this.#engine, tip);
    }
    const point = anchor === undefined ? undefined : this.#checkAnchor(anchor);
    const singles = { ...(anchor === undefined ? {} : { anchor }), ...(inner === undefined ? {} : { inner }) };
    return {
      recovered: this.#load ? { ...singles, commitQCs, blocks } : { commitQCs: [], blocks: new Map() },
      singles,
      anchor: point,
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

  async #readInner(): Promise<Uint8Array | undefined> {
    const value = await this.#engine.get(INNER_KEY);
    if (!this.#isExpected(INNER_KEY, value, this.#tip.inner)) return undefined;
    const record = decodeRecord(INNER_KEY, value);
    if (isFault(record)) {
      this.#find({ kind: record.kind, key: INNER_KEY, detail: record.detail });
    } else if (!(record.body instanceof Uint8Array)) {
      this.#find({ kind: 'record-body', key: INNER_KEY, detail: 'the body is not a byte string' });
    } else {
      this.#checkCrc(INNER_KEY, record.crc, this.#tip.inner);
      return record.body;
    }
    return undefined;
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

  /** Reads [first, next) of a log, which begins at its first key, not at the deleted ones before it. */
  async #readLog<T>(
    log: LogName,
    { first, next }: Extent,
    read: (number: bigint, key: string, value: Uint8Array) => ReadResult<T>,
    into: T[] | undefined,
  ): Promise<void> {
    if (first === next) return;
    const reader = this.#engine.entries(logRange(log, first, next));
    const keys = logKeys(log);
    let expected = first;
    try {
      for (let portion = await reader.next(); portion.length > 0; portion = await reader.next()) {
        for (const [key, value] of portion) {
          // Taking a key apart costs more than making the one that should come.
          const number = key === keys.text(expected) ? expected : numberIn(key);
          if (number === undefined) {
            this.#find({ kind: 'stray', key, detail: 'no key of this format reads like this' });
            continue;
          }
          if (number > expected) this.#missing(log, expected, number);
          expected = number + 1n;
          if (isReference(value)) {
            const check = (record: Uint8Array) => {
              this.#count(record);
              return read(number, key, record);
            };
            this.#separated.add({ log, number, key, value, check, into });
            continue;
          }
          this.#count(value);
          const result = read(number, key, value);
          if ('finding' in result) this.#find(result.finding);
          else if (this.#load) into?.push(result.entry);
        }
      }
    } finally {
      await reader.close();
    }
    if (expected < next) this.#missing(log, expected, next);
  }

  /** One finding for a hole [from, to), however wide. */
  #missing(log: LogName, from: bigint, to: bigint): void {
    const what = to - from === 1n ? 'the record is missing' : `${to - from} records are missing, up to ${to - 1n}`;
    const place = log === QC_LOG ? {} : { lane: log };
    this.#find({ kind: 'missing', key: logKey(log, from), ...place, number: from, detail: what });
  }

  /**
   * Rule 3 holds for every state that a batch can leave: nothing lies below the stored anchor, and its CommitQC, or a later one to
   * which `commitQCs.maybePruneAndPersist` truncated since, is the oldest.
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

/** Ranges are read side by side: without this, the order of findings would be a matter of time. */
function byKey(a: Finding, b: Finding): number {
  const [left = '', right = ''] = [a.key, b.key];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The number of the entry that a key names, if it names one. */
function numberIn(key: string): bigint | undefined {
  const parsed = parseKey(key);
  return parsed?.kind === 'block' ? parsed.number : parsed?.kind === 'commitQC' ? parsed.index : undefined;
}

/** Runs the tasks in order of their start, `width` at a time. Rejects with the first failure, after all have ended. */
async function runParallel(tasks: readonly (() => Promise<void>)[], width: number): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < tasks.length) await tasks[next++]?.();
  };
  const results = await Promise.allSettled(Array.from({ length: width }, lane));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
