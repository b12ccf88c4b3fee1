/** Which puts of a batch go to value files, and what stands in LevelDB for them. Pure. */
import type { EntryPut, Put } from '../format/operation.js';
import type { EncodedRound } from '../format/step.js';
import { encodeReference, type ValueRef } from '../format/value-ref.js';

/** A put whose value is in a value file: the batch carries its reference. */
export interface SeparatedPut extends Put {
  readonly reference: ValueRef;
}

/** Bytes of the block records in a round that are large enough to be separated. */
export function separableBytes({ lanes }: EncodedRound, valueBytesMin: number): number {
  let bytes = 0;
  for (const { append } of lanes.values()) {
    for (const put of append) if (put.bytes >= valueBytesMin) bytes += put.bytes;
  }
  return bytes;
}

/** The puts of those records, in the order of the round. */
export function separablePuts({ lanes }: EncodedRound, valueBytesMin: number): EntryPut[] {
  const puts: EntryPut[] = [];
  for (const { append } of lanes.values()) for (const put of append) if (put.bytes >= valueBytesMin) puts.push(put);
  return puts;
}

/** A put of a reference. */
export function separatedPut(key: string, reference: ValueRef): SeparatedPut {
  return { type: 'put', key, value: encodeReference(key, reference), reference };
}
