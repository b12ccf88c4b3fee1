/** Checks and encodes entries in this layout, in the same pass in which they are planned. */
import type { Model } from '../../model/model.js';
import { checkRecordBytes } from '../backpressure.js';
import type { Encoded, EntryEncoder, Plan } from '../round-plan.js';
import { encodeFrame } from './frame.js';

/** An entry of a log and its frame. */
export interface FramedEntry<T> {
  readonly entry: T;
  readonly frame: Uint8Array;
}

/** Encoded entries, in memory of their own: callers may change their entries at once. */
export interface WalEntries<B, Q> extends Encoded {
  readonly block: FramedEntry<B>;
  readonly commitQC: FramedEntry<Q>;
  readonly anchor: Uint8Array;
  readonly inner: Uint8Array;
}

/**
 * Encodes the entries of a call.
 * @throws LANESTORE_INVALID for an entry that the model refuses or that is too large.
 */
export class FrameEncoder<B, Q, A> implements EntryEncoder<B, Q, A, WalEntries<B, Q>> {
  readonly #model: Model<B, Q, A>;
  readonly #recordBytesMax: number;

  constructor(model: Model<B, Q, A>, recordBytesMax = Number.POSITIVE_INFINITY) {
    this.#model = model;
    this.#recordBytesMax = recordBytesMax;
  }

  block(block: B): FramedEntry<B> {
    const model = this.#model.block;
    model.check(block);
    const frame = encodeFrame(model.toWire(block));
    if (frame.length > this.#recordBytesMax) this.#refuse(`a block of lane ${model.lane(block)}`, frame);
    return { entry: block, frame };
  }

  commitQC(qc: Q): FramedEntry<Q> {
    const model = this.#model.commitQC;
    model.check(qc);
    const frame = encodeFrame(model.toWire(qc));
    this.#refuse('a CommitQC', frame);
    return { entry: qc, frame };
  }

  anchor(anchor: A): Uint8Array {
    const model = this.#model.anchor;
    model.check(anchor);
    const bytes = new Uint8Array(model.toWire(anchor));
    this.#refuse('the anchor', bytes);
    return bytes;
  }

  inner(inner: Uint8Array): Uint8Array {
    this.#refuse('inner', inner);
    return new Uint8Array(inner);
  }

  /** @throws LANESTORE_INVALID for an entry that is too large. */
  #refuse(what: string, bytes: Uint8Array): void {
    checkRecordBytes(what, bytes.length, this.#recordBytesMax);
  }
}

/** Bytes of all entries that a plan writes. */
export function bytesIn<B, Q, A>({ anchor, inner, commitQCs, lanes }: Plan<B, Q, A, WalEntries<B, Q>>): number {
  let bytes = (anchor?.entry.length ?? 0) + (inner?.length ?? 0);
  for (const { frame } of commitQCs?.append ?? []) bytes += frame.length;
  for (const { append } of lanes.values()) for (const { frame } of append) bytes += frame.length;
  return bytes;
}
