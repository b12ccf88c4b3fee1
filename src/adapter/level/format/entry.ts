/**
 * Reads stored entries: checks the record, decodes the model's body, and compares it with the key.
 */
import type { Finding } from '../../../errors.js';
import { ANCHOR_KEY, type LaneId } from '../../../keys/index.js';
import type { EntryCodec, Model } from '../../../model/model.js';
import { isRaw } from '../../../model/raw.js';
import { decodeBody, isFault, openRecord } from './record.js';

/** A sound entry with the crc of its record, or the finding. */
export type ReadResult<T> = { readonly entry: T; readonly crc: number } | { readonly finding: Finding };

/** Reads the block `number` of `lane` from its key and value. */
export function readBlock<B>(
  model: Model<B, unknown, unknown>,
  lane: LaneId,
  number: bigint,
  key: string,
  value: Uint8Array,
): ReadResult<B> {
  return readEntry(model.block, key, value, { lane, number }, (block) => {
    if (isRaw(model)) return undefined;
    const actualLane = model.block.lane(block);
    const actual = model.block.number(block);
    return actualLane === lane && actual === number ? undefined : `it is block ${actual} of lane ${actualLane}`;
  });
}

/** Reads the CommitQC `index` from its key and value. */
export function readCommitQC<Q>(
  model: Model<unknown, Q, unknown>,
  index: bigint,
  key: string,
  value: Uint8Array,
): ReadResult<Q> {
  return readEntry(model.commitQC, key, value, { number: index }, (qc) => {
    if (isRaw(model)) return undefined;
    const actual = model.commitQC.index(qc);
    return actual === index ? undefined : `it is the CommitQC of road index ${actual}`;
  });
}

/** Reads the anchor. */
export function readAnchor<A>(model: Model<unknown, unknown, A>, value: Uint8Array): ReadResult<A> {
  return readEntry(model.anchor, ANCHOR_KEY, value, {}, () => undefined);
}

function readEntry<T>(
  codec: Pick<EntryCodec<T>, 'fromBody' | 'readBody'>,
  key: string,
  value: Uint8Array,
  place: Pick<Finding, 'lane' | 'number'>,
  disagreement: (entry: T) => string | undefined,
): ReadResult<T> {
  const opened = openRecord(key, value);
  if (isFault(opened)) return { finding: { kind: opened.kind, key, ...place, detail: opened.detail } };
  let entry = codec.readBody?.(opened.encoded);
  if (entry === undefined) {
    const record = decodeBody(opened);
    if (isFault(record)) return { finding: { kind: record.kind, key, ...place, detail: record.detail } };
    try {
      entry = codec.fromBody(record.body);
    } catch (error) {
      return { finding: { kind: 'record-body', key, ...place, detail: (error as Error).message } };
    }
  }
  const wrong = disagreement(entry);
  if (wrong !== undefined) return { finding: { kind: 'record-key', key, ...place, detail: wrong } };
  return { entry, crc: opened.crc };
}
