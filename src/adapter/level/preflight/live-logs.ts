/**
 * The live logs: the batches since the last table was written (docs/design.md, Preflight).
 *
 * Every record is one batch of this store, and batches are numbered without gaps, across logs too.
 * One batch is in flight at a time. So only one batch can be unacknowledged: the last one of the
 * newest log that is not empty. (An open that was cut short leaves empty newer logs.) It follows:
 * - Damage in the last batch, with no batch of this store after it, is a torn tail: an ordinary
 *   crash.
 * - Damage with a batch after it affects an acknowledged batch.
 * - An older log is whole: its last batch was acknowledged before the next log began.
 */
import { hex } from '../../../base/bytes.js';
import { FindingList } from '../../finding-list.js';
import type { SourceFile } from './file.js';
import { findBehind, type LogDamage, type RecordSink, readLog } from './log-format.js';
import {
  BATCH_FIXED,
  BATCH_HEAD_BYTES,
  BatchParser,
  batchTip,
  mayBeBatch,
  OTHER_BATCH_FIXED,
  type TipHead,
} from './write-batch.js';

/** The torn tail of a log. */
export interface TornTail {
  readonly file: string;
  /** Offset of the batch that is not whole. */
  readonly offset: number;
  readonly detail: string;
}

/** Reads logs, the oldest first, and keeps the store id and the newest batch that they contain. */
export class LogVerifier {
  readonly findings: FindingList;
  /**
   * Findings about records that precede the first batch of a store. They count as damage only if a
   * store id is known in the end, from the logs, the tables or the witness.
   */
  readonly foreign: FindingList;
  /** Batches read so far. */
  batches = 0;
  /** The id of the store that wrote the batches; undefined until a table or a log contains it. */
  store: Uint8Array | undefined;
  /** The newest whole batch. */
  seq: bigint | undefined;
  torn: TornTail | undefined;
  /** The newest `meta/schema` in the logs: null if it was deleted, undefined if no log has it. */
  schema: Uint8Array | null | undefined;

  /** Names of the logs read so far, the current one last. */
  readonly #read: string[] = [];
  /** The number that the next batch must have; undefined if it is not known. */
  #next: bigint | undefined;

  /**
   * `tables` is the tip in the tables; 'none' if they hold no tip, so that the logs begin with the
   * first batch of the store; undefined if it is not known.
   */
  constructor(tables: TipHead | 'none' | undefined, findingsMax?: number) {
    this.findings = new FindingList(findingsMax);
    this.foreign = new FindingList(findingsMax);
    if (tables === 'none') this.#next = 0n;
    else if (tables !== undefined) this.#take(tables);
  }

  /**
   * Reads the log that findings call `name`. `isNewest`: no newer log holds a byte. `expected` is
   * the store id in the witness, for logs without a whole batch.
   */
  async read(file: SourceFile, name: string, isNewest: boolean, expected: Uint8Array | undefined): Promise<void> {
    this.#read.push(name);
    const sink = new BatchSink((batch, offset) => this.#batch(name, batch, offset));
    const damage = await readLog(file, sink);
    if (damage === undefined) return;
    const find = (kind: 'log-damaged' | 'log-incomplete', detail: string) =>
      this.findings.add({ kind, file: name, offset: damage.offset, detail: `${damage.detail}; ${detail}` });
    if (!isNewest) {
      find('log-incomplete', 'a newer log holds batches, so this one was whole');
    } else if (sink.appliedBehind > 0) {
      find('log-damaged', `LevelDB would skip it and apply ${sink.appliedBehind} records after it`);
    } else {
      const store = this.store ?? expected;
      const behind = await this.#batchBehind(file, damage, store);
      // Batches of format 0, and of other programs, contain no store id. So if none is known, a
      // batch of any form after the damage counts.
      const isOther = store === undefined && behind === undefined;
      const anyBatch = { bytes: BATCH_HEAD_BYTES, fixed: OTHER_BATCH_FIXED, accept: mayBeBatch };
      const otherAt = isOther ? await findBehind(file, damage.offset, anyBatch) : undefined;
      if (behind !== undefined) find('log-damaged', `batch ${behind.seq} begins after it, at offset ${behind.offset}`);
      else if (otherAt !== undefined) find('log-damaged', `another batch begins after it, at offset ${otherAt}`);
      else this.torn = { file: name, offset: damage.recordAt, detail: damage.detail };
    }
  }

  #batch(file: string, batch: BatchParser, offset: number): void {
    this.batches++;
    const list = this.seq === undefined ? this.foreign : this.findings;
    const find = (kind: 'log-batch' | 'log-sequence', detail: string) => list.add({ kind, file, offset, detail });
    const fault = batch.end();
    if (fault !== undefined) find('log-batch', `the batch is malformed: ${fault}`);
    else if (batch.schema !== undefined) this.schema = batch.schema;
    const tip = batchTip(batch.head);
    if (tip === undefined) {
      find('log-batch', 'the record is not a batch of a store: it does not begin with meta/tip');
      return;
    }
    // A creation that was cut short before its rename is repeated in the same directory with a new
    // store id. Records before the very first batch belong to no store: they are keys of format 0
    // that were converted (migrations).
    if (tip.seq === 0n && (this.seq ?? 0n) === 0n) {
      if (this.seq === undefined) this.foreign.clear();
      this.#take(tip);
      return;
    }
    this.store ??= tip.store;
    if (Buffer.compare(tip.store, this.store) !== 0) {
      find('log-batch', `batch ${tip.seq} belongs to store ${hex(tip.store)}, not to ${hex(this.store)}`);
      return;
    }
    const next = this.#next;
    if (next !== undefined && tip.seq !== next && !(batch.hasEvent && tip.seq > next)) {
      const before = this.#read.slice(0, -1).map((name) => `, after ${name}`);
      find('log-sequence', `it is batch ${tip.seq}, but batch ${next} is expected${before.join('')}`);
    }
    this.#take(tip);
  }

  #take({ store, seq }: TipHead): void {
    this.store = store;
    this.seq = seq;
    this.#next = seq + 1n;
  }

  /**
   * The first batch after the damage with a seq above {@link seq}. A batch with a lower or equal
   * seq is old content of a reused disk block, not a loss. Without a known store id, batches of
   * every store count.
   */
  async #batchBehind(file: SourceFile, damage: LogDamage, store: Uint8Array | undefined) {
    let seq = 0n;
    const accept = (head: Uint8Array) => {
      const tip = batchTip(head);
      if (tip === undefined || (store !== undefined && Buffer.compare(tip.store, store) !== 0)) return false;
      if (this.seq !== undefined && tip.seq <= this.seq) return false;
      seq = tip.seq;
      return true;
    };
    const offset = await findBehind(file, damage.offset, { bytes: BATCH_HEAD_BYTES, fixed: BATCH_FIXED, accept });
    return offset === undefined ? undefined : { offset, seq };
  }
}

class BatchSink implements RecordSink {
  readonly #use: (batch: BatchParser, offset: number) => void;
  readonly #batch = new BatchParser();
  /** Records after the first damage, which LevelDB would apply nevertheless. */
  appliedBehind = 0;

  constructor(use: (batch: BatchParser, offset: number) => void) {
    this.#use = use;
  }

  begin(): void {
    this.#batch.begin();
  }

  data(bytes: Uint8Array): void {
    this.#batch.add(bytes);
  }

  end(offset: number, behindDamage: boolean): void {
    if (behindDamage) this.appliedBehind++;
    else this.#use(this.#batch, offset);
  }
}
