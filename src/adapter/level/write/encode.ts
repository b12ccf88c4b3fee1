/** Encodes entries as puts: each entry is checked and encoded once, while its round is planned. */

import { LARGE_BYTES } from '../../../cbor/writer.js';
import { blockKeys, bytesOfKey, commitQCKeys, type EntryKeys } from '../../../keys/entry-keys.js';
import { ANCHOR_KEY, entryNumber, INNER_KEY, type LaneId } from '../../../keys/index.js';
import type { Model } from '../../../model/model.js';
import { checkRecordBytes } from '../../backpressure.js';
import { anchorPoint, type EntryEncoder } from '../../round-plan.js';
import { EntryPut, type SinglePut } from '../format/operation.js';
import { type EncodedBody, encodeBody, encodeRecord, sealRecord } from '../format/record.js';
import type { EncodedRound, LevelEntries } from '../format/step.js';

/** Encodes the entries of calls. The puts share no memory with the caller's objects. */
export class PutEncoder<B, Q, A> implements EntryEncoder<B, Q, A, LevelEntries> {
  readonly #model: Model<B, Q, A>;
  readonly #recordBytesMax: number;
  /**
   * True if blocks may go to value files: the memory of large blocks is then released later than
   * other memory.
   */
  readonly #separates: boolean;
  /** Lane and keys of the last block: the blocks of a lane nearly always come together. */
  #lane: LaneId | undefined;
  #laneKeys: EntryKeys | undefined;

  constructor(model: Model<B, Q, A>, recordBytesMax = Number.POSITIVE_INFINITY, separates = false) {
    this.#model = model;
    this.#recordBytesMax = recordBytesMax;
    this.#separates = separates;
  }

  block(block: B): EntryPut {
    const model = this.#model.block;
    // A model's own writer checks an entry while it encodes it. Without one, the entry is checked
    // before, so that an entry that cannot be planned is never encoded.
    if (model.writeBody === undefined) {
      model.check(block);
      entryNumber(model.number(block), `block number in lane ${model.lane(block)}`);
    }
    const body = encodeBody(model, block, this.#separates);
    const lane = model.lane(block);
    if (lane !== this.#lane || this.#laneKeys === undefined) {
      this.#laneKeys = blockKeys(lane);
      this.#lane = lane;
    }
    return this.#put(this.#laneKeys, model.number(block), body);
  }

  commitQC(qc: Q): EntryPut {
    const model = this.#model.commitQC;
    if (model.writeBody === undefined) {
      model.check(qc);
      entryNumber(model.index(qc), 'road index');
    }
    return this.#put(commitQCKeys, model.index(qc), encodeBody(model, qc));
  }

  anchor(anchor: A): SinglePut {
    const model = this.#model.anchor;
    if (model.writeBody === undefined) {
      model.check(anchor);
      anchorPoint(this.#model, anchor);
    }
    const body = encodeBody(model, anchor);
    return this.#single(ANCHOR_KEY, body, sealRecord(bytesOfKey(ANCHOR_KEY), body));
  }

  inner(inner: Uint8Array): SinglePut {
    const { bytes, crc } = encodeRecord(INNER_KEY, inner);
    return this.#single(INNER_KEY, bytes, crc);
  }

  #put(keys: EntryKeys, number: bigint, body: EncodedBody): EntryPut {
    const put = new EntryPut(keys, number, body);
    if (body.length > this.#recordBytesMax) checkRecordBytes(put.key, body.length, this.#recordBytesMax);
    return put;
  }

  #single(key: string, value: Uint8Array, crc: number): SinglePut {
    if (value.length > this.#recordBytesMax) checkRecordBytes(key, value.length, this.#recordBytesMax);
    return { type: 'put', key, value, crc };
  }
}

/** The size of a round in its batch. */
export interface RoundSize {
  /** Bytes of all keys and values in its puts. */
  readonly bytes: number;
  /** Number of log entries that it puts. */
  readonly entries: number;
  /** Number of log entries that it removes. */
  readonly removals: number;
  /** Bytes of its block records of at least `separableBytesMin`. */
  readonly largeBytes: number;
  /**
   * True for a call that only truncates, or closes parts of the votes: an anchor, which may bring
   * its own CommitQC along, or no entry at all.
   */
  readonly isPrune: boolean;
}

/** The size of an encoded round, in one pass over its entries. */
export function sizeOf(
  { anchor, inner, commitQCs, lanes, votes }: EncodedRound,
  separableBytesMin = Number.POSITIVE_INFINITY,
): RoundSize {
  let bytes = anchor === undefined ? 0 : anchor.entry.key.length + anchor.entry.value.length;
  if (inner !== undefined) bytes += inner.key.length + inner.value.length;
  let blocks = 0;
  let largeBytes = 0;
  let removals = 0n;
  for (const { truncate, append } of lanes.values()) {
    for (const put of append) {
      const { bytes: length } = put;
      bytes += put.keys.length + length;
      if (length >= separableBytesMin) largeBytes += length;
    }
    blocks += append.length;
    removals += truncate.next - truncate.first;
  }
  let qcs = 0;
  if (commitQCs !== undefined) {
    const { truncate, append } = commitQCs;
    for (const put of append) bytes += put.keys.length + put.bytes;
    qcs = append.length;
    removals += truncate.next - truncate.first;
  }
  const isPrune = blocks === 0 && inner === undefined && qcs <= (anchor === undefined ? 0 : 1) && !givesVotes(votes);
  return { bytes, entries: blocks + qcs, removals: Number(removals), largeBytes, isPrune };
}

/**
 * Seals the records of an admitted round. If values are separated, the appender seals those of
 * large blocks, while the records before them are being written. Not while they are encoded: a
 * refused round would pay for it, and it measured a seventh slower.
 */
export function sealRecords({ commitQCs, lanes }: EncodedRound, separates: boolean): void {
  if (commitQCs !== undefined) for (const put of commitQCs.append) put.seal();
  for (const { append } of lanes.values()) {
    for (const put of append) if (!separates || put.bytes < LARGE_BYTES) put.seal();
  }
}

function givesVotes(votes: EncodedRound['votes']): boolean {
  return votes !== undefined && (votes.signer !== undefined || (votes.watermarks?.size ?? 0) > 0);
}
