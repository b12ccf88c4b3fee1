/**
 * Decides which puts of a batch go to value files, and makes the puts of their references. Pure.
 */
import type { EntryPut, Put } from '../format/operation.js';
import type { EncodedRound } from '../format/step.js';
import { encodeReference, type ValueRef } from '../format/value-ref.js';

/** A put of a reference: its value is in a value file. */
export interface SeparatedPut extends Put {
  readonly reference: ValueRef;
}

/**
 * The puts of the block records that are large enough to be separated, in the order of the round.
 */
export function separablePuts({ lanes }: EncodedRound, valueBytesMin: number): EntryPut[] {
  const puts: EntryPut[] = [];
  for (const { append } of lanes.values()) for (const put of append) if (put.bytes >= valueBytesMin) puts.push(put);
  return puts;
}

/** The put of `reference` under `key`. */
export function separatedPut(key: string, reference: ValueRef): SeparatedPut {
  return { type: 'put', key, value: encodeReference(key, reference), reference };
}
