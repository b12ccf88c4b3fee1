/**
 * The live logs: what was written since the last table, batch by batch (docs/design.md, Preflight).
 *
 * Every record is one batch of this store, and batches are numbered without gaps, also from one log to the next. With one batch in flight
 * at a time, only the last batch of the newest log that holds a byte can be unacknowledged (a cut-short open leaves empty newer ones). So
 *   - damage there, with nothing behind it that begins a batch of ours, is a torn tail: an ordinary crash
 *   - damage with a batch behind it hides an acknowledged one
 *   - an older log is whole: its last batch was acknowledged before the next log began
 */
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
  /** Where the batch begins that is not whole. */
  readonly offset: number;
  readonly detail: string;
}

/** Reads logs, the oldest first, and keeps what they lead to. */
export class LogVerifier {
  readonly findings: FindingList;
  /** Records that are no batch, from before anything told whose store it is; as {@link findings} once it is told. */
  readonly foreign: FindingList;
  /** Batches that were read. */
  batches = 0;
  /** Whose batches these are; absent until something tells it. */
  store: Uint8Array | undefined;
  /** The newest whole batch. */
  seq: bigint | undefined;
  torn: TornTail | undefined;

  /** The logs that were read, the present one last. */
  readonly #read: string[] = [];
  /** What the next batch must be numbered; undefined if nothing tells. */
  #next: bigint | undefined;

  /** Begins with the tip that the tables hold; 'none' if they hold none, so that the logs begin with the store; undefined if it is not known. */
  constructor(tables: TipHead | 'none' | undefined, findingsMax?: number) {
    this.findings = new FindingList(findingsMax);
    this.foreign = new FindingList(findingsMax);
    if (tables === 'none') this.#next = 0n;
    else if (tables !== undefined) this.#take(tables);
  }

  /**
   * Reads a log, called `name` in findings. `isNewest`: no newer one holds a byte. `expected` is the store's id as the witness has it, for
   * when no whole batch tells it.
   */
  async read(file: SourceFile, name: string, isNewest: boolean, expected: Uint8Array | undefined): Promise<void> {
    this.#read.push(name);
    const sink = new BatchSink((walk, offset) => this.#batch(name, walk, offset));
    const damage = await readLog(file, sink);
    if (damage === undefined) return;
    const find = (kind: 'log-damaged' | 'log-incomplete', detail: string) =>
      this.findings.add({ kind, file: name, offset: damage.offset, detail: `${damage.detail}; ${detail}` });
    if (!isNewest) {
      find('log-incomplete', 'a newer log holds batches, so this one was whole');
    } else if (sink.appliedBehind > 0) {
      find('log-damaged', `LevelDB would skip it and apply ${sink.appliedBehind} records behind it`);
    } else {
      const store = this.store ?? expected;
      const behind = await this.#batchBehind(file, damage, store);
      // The batches of format 0, and of other programs, name no store: whichever stands there was written after the damaged one.
      const isOther = store === undefined && behind === undefined;
      const other = { bytes: BATCH_HEAD_BYTES, fixed: OTHER_BATCH_FIXED, accept: mayBeBatch };
      const otherAt = isOther ? await findBehind(file, damage.offset, other) : undefined;
      if (behind !== undefined) find('log-damaged', `batch ${behind.seq} begins behind it, at ${behind.offset}`);
      else if (otherAt !== undefined) find('log-damaged', `another batch begins behind it, at ${otherAt}`);
      else this.torn = { file: name, offset: damage.recordAt, detail: damage.detail };
    }
  }

  #batch(file: string, walk: BatchParser, offset: number): void {
    this.batches++;
    const list = this.seq === undefined ? this.foreign : this.findings;
    const find = (kind: 'log-batch' | 'log-sequence', detail: string) => list.add({ kind, file, offset, detail });
    const fault = walk.end();
    if (fault !== undefined) find('log-batch', `the batch is not well-formed: ${fault}`);
    const tip = batchTip(walk.head);
    if (tip === undefined) {
      find('log-batch', 'the record is no batch of a store: it does not begin with meta/tip');
      return;
    }
    // Creation that was cut short before its rename is done again in the same place, with an id of its own. What stands before the first
    // batch of all is no store's: the keys of format 0 that were converted (migrations).
    if (tip.seq === 0n && (this.seq ?? 0n) === 0n) {
      if (this.seq === undefined) this.foreign.clear();
      this.#take(tip);
      return;
    }
    this.store ??= tip.store;
    if (Buffer.compare(tip.store, this.store) !== 0) {
      find('log-batch', `batch ${tip.seq} is of store ${hex(tip.store)}, not of ${hex(this.store)}`);
      return;
    }
    const next = this.#next;
    if (next !== undefined && tip.seq !== next && !(walk.hasEvent && tip.seq > next)) {
      const before = this.#read.slice(0, -1).map((name) => `, behind ${name}`);
      find('log-sequence', `it is batch ${tip.seq}, and ${next} should be next${before.join('')}`);
    }
    this.#take(tip);
  }

  #take({ store, seq }: TipHead): void {
    this.store = store;
    this.seq = seq;
    this.#next = seq + 1n;
  }

  /**
   * The first batch that begins behind the damage and was not applied before it: old bytes of a reused disk block are no loss. Where nothing
   * tells the store's id, every store's batch counts.
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
  readonly #use: (walk: BatchParser, offset: number) => void;
  readonly #walk = new BatchParser();
  /** Records that LevelDB would apply although something before them is not whole. */
  appliedBehind = 0;

  constructor(use: (walk: BatchParser, offset: number) => void) {
    this.#use = use;
  }

  begin(): void {
    this.#walk.begin();
  }

  data(bytes: Uint8Array): void {
    this.#walk.add(bytes);
  }

  end(offset: number, behindDamage: boolean): void {
    if (behindDamage) this.appliedBehind++;
    else this.#use(this.#walk, offset);
  }
}

/** Bytes in hex. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
