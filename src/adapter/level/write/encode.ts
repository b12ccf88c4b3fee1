/** From a plan to the step of a batch: every entry encoded, in the order in which the batch will have it. */

import { LARGE_BYTES } from '../../../cbor/writer.js';
import { bytesOfKey } from '../../../keys/entry-keys.js';
import { ANCHOR_KEY, INNER_KEY, type LaneId } from '../../../keys/index.js';
import type { EntryCodec, Model } from '../../../model/model.js';
import { checkRecordBytes } from '../../backpressure.js';
import type { Intake, LogPlan, Plan } from '../../planner.js';
import { type LogName, logKeys, QC_LOG } from '../format/log.js';
import { EntryPut, type Put } from '../format/operation.js';
import { type EncodedBody, type EncodedRecord, encodeBody, encodeRecord, sealRecord } from '../format/record.js';
import type { LogStep, RoundStep, SingleStep } from '../format/step.js';

/** An encoded plan. */
export interface EncodedPlan {
  readonly step: RoundStep;
  /** The lanes that it touches, and those that its anchor names: one that is being dropped must be gone before the anchor is stored. */
  readonly lanes: Iterable<LaneId>;
  /** Bytes of all keys and values that it puts. */
  readonly bytes: number;
  /** Blocks and CommitQCs that it puts. */
  readonly entries: number;
}

/** Encodes each entry of a call while the planner takes it in, in the same pass that checks it, and then the plan. */
export class RoundEncoder<B, Q, A> implements Intake<B, Q, A> {
  readonly #model: Model<B, Q, A>;
  readonly #recordBytesMax: number;
  /** Blocks may be written to value files: then the memory of large ones is given back later than that of others. */
  readonly #separates: boolean;
  /** What the planner took in of the current call. */
  readonly #blocks = new Taken<B>();
  readonly #commitQCs = new Taken<Q>();
  readonly #anchors = new Taken<A>();

  constructor(model: Model<B, Q, A>, recordBytesMax = Number.POSITIVE_INFINITY, separates = false) {
    this.#model = model;
    this.#recordBytesMax = recordBytesMax;
    this.#separates = separates;
  }

  /** Begins a call: forgets what one that was refused left. */
  begin(): this {
    this.#blocks.clear();
    this.#commitQCs.clear();
    this.#anchors.clear();
    return this;
  }

  block(entry: B): void {
    take(this.#model.block, this.#blocks, entry, this.#separates);
  }

  commitQC(entry: Q): void {
    take(this.#model.commitQC, this.#commitQCs, entry);
  }

  anchor(entry: A): void {
    take(this.#model.anchor, this.#anchors, entry);
  }

  /** Encodes the plan of the call. Afterwards the caller's objects and buffers may change. @throws LANESTORE_INVALID for a record too large. */
  encode(plan: Plan<B, Q, A>): EncodedPlan {
    const model = this.#model;
    const step: { anchor?: SingleStep; inner?: SingleStep; logs: LogStep[] } = { logs: [] };
    let bytes = 0;
    let entries = 0;
    const count = (put: Put, keyBytes: number, length: number) => {
      if (length > this.#recordBytesMax) checkRecordBytes(put.key, length, this.#recordBytesMax);
      bytes += keyBytes + length;
    };
    const single = (key: string, { bytes: value, crc }: EncodedRecord): SingleStep => {
      const put: SingleStep = { type: 'put', key, value, crc };
      count(put, key.length, value.length);
      return put;
    };
    const log = <T>(name: LogName, codec: EntryCodec<T>, bodies: Taken<T>, { truncate, append, after }: LogPlan<T>) => {
      const keys = logKeys(name);
      const apart = this.#separates && name !== QC_LOG;
      const puts: EntryPut[] = [];
      let number = after.next - BigInt(append.length);
      for (const entry of append) {
        // Not encoded yet: an anchor's own CommitQC, which came in as a part of the anchor, or a model that only checks.
        const body = bodies.of(entry) ?? encodeBody(codec, entry, apart);
        const put = new EntryPut(keys, number++, body);
        // A large one is left to who writes it: while he takes its crc, those before it are on their way to the disk.
        if (!apart || body.length < LARGE_BYTES) put.seal();
        count(put, keys.length, body.length);
        puts.push(put);
      }
      entries += puts.length;
      step.logs.push({ log: name, truncate, puts, after });
    };
    if (plan.anchor !== undefined) {
      const { entry } = plan.anchor;
      const bytes = this.#anchors.of(entry) ?? encodeBody(model.anchor, entry);
      step.anchor = single(ANCHOR_KEY, { bytes, crc: sealRecord(bytesOfKey(ANCHOR_KEY), bytes) });
    }
    if (plan.inner !== undefined) step.inner = single(INNER_KEY, encodeRecord(INNER_KEY, plan.inner));
    if (plan.commitQCs !== undefined) log(QC_LOG, model.commitQC, this.#commitQCs, plan.commitQCs);
    for (const [lane, lanePlan] of plan.lanes) log(lane, model.block, this.#blocks, lanePlan);
    this.begin();
    return { step, lanes: new TouchedLanes(plan), bytes, entries };
  }
}

/** A model without a writer of its own is encoded after planning: what the planner refuses is then never encoded. */
function take<T>(codec: EntryCodec<T>, taken: Taken<T>, entry: T, apart = false): void {
  if (codec.writeBody === undefined) codec.check(entry);
  else taken.add(entry, encodeBody(codec, entry, apart));
}

/**
 * Bodies by their entries. They are asked for nearly always in the order in which they came, lane after lane; looking further costs only
 * who mixes his lanes.
 */
class Taken<T> {
  #entries: T[] = [];
  #bodies: EncodedBody[] = [];
  /** Behind the one that was asked for last. */
  #next = 0;
  /** Made for the first entry that is asked for out of order. */
  #places: Map<T, number> | undefined;

  clear(): void {
    this.#entries = [];
    this.#bodies = [];
    this.#next = 0;
    this.#places = undefined;
  }

  add(entry: T, body: EncodedBody): void {
    this.#entries.push(entry);
    this.#bodies.push(body);
  }

  of(entry: T): EncodedBody | undefined {
    const at = this.#entries[this.#next] === entry ? this.#next : this.#find(entry);
    if (at === undefined) return undefined;
    this.#next = at + 1;
    return this.#bodies[at];
  }

  #find(entry: T): number | undefined {
    this.#places ??= new Map(this.#entries.map((one, place) => [one, place]));
    return this.#places.get(entry);
  }
}

/** The lanes that a plan touches or its anchor names. Looked at only while lanes are being dropped. */
class TouchedLanes implements Iterable<LaneId> {
  readonly #plan: Plan<unknown, unknown, unknown>;

  constructor(plan: Plan<unknown, unknown, unknown>) {
    this.#plan = plan;
  }

  *[Symbol.iterator](): Generator<LaneId, void, void> {
    const { lanes, anchor } = this.#plan;
    yield* lanes.keys();
    if (anchor !== undefined) yield* anchor.point.laneStarts.keys();
  }
}
