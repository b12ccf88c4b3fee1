/**
 * An example of a backend: a journal in one file, with one synced append for each call.
 * {@link BasePersistence} checks arguments and plans. The backend encodes each plan, makes it
 * durable in order, and fires the hooks. conformance.ts runs the conformance suite on it.
 *
 * What a real backend needs and this one lacks: the journal never gets shorter, there is no lock
 * and no limit in bytes, and the only damage it detects is a wrong checksum.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { Encoder } from 'cbor-x';
import {
  AdmissionGate,
  admissionLimits,
  advance,
  anchorPoint,
  BasePersistence,
  type Cost,
  type Cursors,
  checkedEntries,
  type DurableHooks,
  emptyState,
  fireHooks,
  freeOfCost,
  type LogPlan,
  type Plan,
  type PlanLimitOptions,
  type PlanState,
  type Recovered,
} from '../../src/adapter/index.js';
import { type EntryCodec, type LaneId, LanestoreError, type Model, type Persistence } from '../../src/index.js';

/** The change of one log in a record: the oldest `removed` entries go, then `append` follows. */
interface LogChange {
  readonly removed: bigint;
  readonly append: readonly Uint8Array[];
  /** The cursor [first, next) after the change. */
  readonly first: bigint;
  readonly next: bigint;
}

/** One accepted call. */
interface JournalRecord {
  readonly anchor?: Uint8Array;
  readonly inner?: Uint8Array;
  readonly commitQCs?: LogChange;
  readonly lanes?: readonly (readonly [LaneId, LogChange])[];
  readonly dropped?: readonly LaneId[];
}

/** Options of {@link openJournal}. */
export interface JournalOptions<B, Q, A> extends PlanLimitOptions {
  readonly model: Model<B, Q, A>;
}

const cbor = new Encoder({ useRecords: false, tagUint8Array: false, variableMapSize: true });
/** Length of the body and its CRC-32, both little-endian. */
const HEAD_BYTES = 8;

/**
 * Opens the journal `file`, or creates it. A torn record at its end is cut off.
 * @throws LANESTORE_CORRUPT for a record with a wrong checksum.
 */
export async function openJournal<B, Q, A>(
  file: string,
  options: JournalOptions<B, Q, A>,
): Promise<Persistence<B, Q, A>> {
  const handle = await open(file, 'a+');
  try {
    const replay = new Replay(options.model);
    const bytes = await handle.readFile();
    let offset = 0;
    for (;;) {
      const record = recordAt(bytes, offset);
      if (record === undefined) break;
      replay.apply(record.content);
      offset = record.end;
    }
    // A crash interrupted this append, so its call was not acknowledged.
    if (offset < bytes.length) await handle.truncate(offset);
    return new Journal(handle, options, replay);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The record at `offset`; undefined if the file ends before the record does. */
function recordAt(bytes: Buffer, offset: number): { content: JournalRecord; end: number } | undefined {
  if (bytes.length - offset < HEAD_BYTES) return undefined;
  const end = offset + HEAD_BYTES + bytes.readUInt32LE(offset);
  if (end > bytes.length) return undefined;
  const body = bytes.subarray(offset + HEAD_BYTES, end);
  if (crc32(body) !== bytes.readUInt32LE(offset + 4)) {
    throw new LanestoreError('LANESTORE_CORRUPT', `the record at ${offset} has a wrong checksum`);
  }
  return { content: cbor.decode(body), end };
}

/** Applies records in order, and keeps the state that results. */
class Replay<B, Q, A> {
  readonly state: PlanState = emptyState();
  readonly #model: Model<B, Q, A>;
  readonly #blocks = new Map<LaneId, B[]>();
  #commitQCs: Q[] = [];
  #anchor: A | undefined;
  #inner: Uint8Array | undefined;

  constructor(model: Model<B, Q, A>) {
    this.#model = model;
  }

  apply({ anchor, inner, commitQCs, lanes = [], dropped = [] }: JournalRecord): void {
    const model = this.#model;
    if (anchor !== undefined) {
      this.#anchor = model.anchor.fromWire(anchor);
      this.state.anchor = anchorPoint(model, this.#anchor);
    }
    if (inner !== undefined) this.#inner = new Uint8Array(inner);
    if (commitQCs !== undefined) {
      this.#commitQCs = changed(this.#commitQCs, commitQCs, model.commitQC);
      this.state.commitQCs = cursorOf(commitQCs);
    }
    for (const [lane, change] of lanes) {
      this.#blocks.set(lane, changed(this.#blocks.get(lane) ?? [], change, model.block));
      this.state.lanes.set(lane, cursorOf(change));
    }
    for (const lane of dropped) {
      this.#blocks.delete(lane);
      this.state.lanes.delete(lane);
    }
  }

  recovered(): Recovered<B, Q, A> {
    return {
      ...(this.#anchor === undefined ? {} : { anchor: this.#anchor }),
      ...(this.#inner === undefined ? {} : { inner: this.#inner }),
      commitQCs: this.#commitQCs,
      blocks: new Map([...this.#blocks].filter(([, blocks]) => blocks.length > 0)),
    };
  }
}

function changed<T>(entries: readonly T[], { removed, append }: LogChange, codec: EntryCodec<T>): T[] {
  return [...entries.slice(Number(removed)), ...append.map((bytes) => codec.fromWire(bytes))];
}

/** Converts to bigint: CBOR decodes a small integer as a number. */
function cursorOf({ first, next }: LogChange) {
  return { first: BigInt(first), next: BigInt(next) };
}

class Journal<B, Q, A> extends BasePersistence<B, Q, A> {
  readonly #file: FileHandle;
  /** The durable state. The base class has the planned state, which runs ahead. */
  readonly #durable: PlanState;
  #tail: Promise<unknown> = Promise.resolve();
  #failure: LanestoreError | undefined;

  constructor(file: FileHandle, options: JournalOptions<B, Q, A>, replay: Replay<B, Q, A>) {
    const { lanes, commitQCs, anchor } = replay.state;
    const planned = { lanes: new Map(lanes), commitQCs, anchor };
    const { model, ...limits } = options;
    const gate = new AdmissionGate(admissionLimits(limits));
    super(model, checkedEntries(model), planned, gate, replay.recovered());
    this.#file = file;
    this.#durable = replay.state;
  }

  override get cursors(): Cursors {
    return { lanes: new Map(this.#durable.lanes), commitQCs: this.#durable.commitQCs };
  }

  /** Waiting calls are counted, but not their bytes. */
  protected override costOf(): Cost {
    return freeOfCost();
  }

  protected override accept(plan: Plan<B, Q, A>, hooks: DurableHooks<B, Q, A>, cost: Cost): Promise<void> {
    const { block, commitQC, anchor } = this.model;
    const lanes = [...plan.lanes].map(([lane, change]) => [lane, changeOf(change, block)] as const);
    // Encoded before this returns: the caller may reuse its buffers at once.
    const record: JournalRecord = {
      ...(plan.anchor === undefined ? {} : { anchor: anchor.toWire(plan.anchor.entry) }),
      ...(plan.inner === undefined ? {} : { inner: plan.inner }),
      ...(plan.commitQCs === undefined ? {} : { commitQCs: changeOf(plan.commitQCs, commitQC) }),
      ...(lanes.length === 0 ? {} : { lanes }),
    };
    return this.#append(record, cost, () => {
      advance(this.#durable, plan);
      const failure = fireHooks(plan.notify, hooks);
      if (failure !== undefined) throw failure.thrown;
    });
  }

  protected override acceptDrop(dropped: readonly LaneId[], cost: Cost): Promise<void> {
    return this.#append({ dropped }, cost, () => {
      for (const lane of dropped) this.#durable.lanes.delete(lane);
    });
  }

  protected override async shutdown(): Promise<void> {
    await this.#tail;
    await this.#file.close();
  }

  /** Makes a record durable after all earlier ones, then calls `settle`. */
  #append(record: JournalRecord, cost: Cost, settle: () => void): Promise<void> {
    const body = cbor.encode(record);
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt32LE(body.length, 0);
    head.writeUInt32LE(crc32(body), 4);
    const bytes = Buffer.concat([head, body]);
    const durable = this.#tail
      .then(() => {
        this.gate.dequeue(cost.bytes, 1);
        return this.#write(bytes);
      })
      .finally(() => this.gate.settle(cost));
    // A hook that throws rejects its own call, but no later one.
    this.#tail = durable.catch(() => undefined);
    return durable.then(settle);
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      await this.#file.appendFile(bytes);
      await this.#file.datasync();
    } catch (cause) {
      // It is unknown how much of this record is on disk, so no record may follow it.
      this.#failure = this.poison(
        new LanestoreError('LANESTORE_FAILED', 'the journal cannot be written: open it again', { cause }),
      );
      throw this.#failure;
    }
  }
}

function changeOf<T>({ truncate, append, after }: LogPlan<T>, codec: EntryCodec<T>): LogChange {
  return {
    removed: truncate.next - truncate.first,
    append: append.map((entry) => codec.toWire(entry)),
    first: after.first,
    next: after.next,
  };
}
