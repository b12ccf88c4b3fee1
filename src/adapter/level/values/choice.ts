/** Which puts of a batch go to value files, and what stands in LevelDB for them. Pure. */
import { QC_LOG } from '../format/log.js';
import { type Put, valueBytes } from '../format/operation.js';
import type { LogStep, RoundStep } from '../format/step.js';
import { encodeReference, type ValueRef } from '../format/value-ref.js';

/** A put whose value is in a value file: the batch carries its reference. */
export interface SeparatedPut extends Put {
  readonly reference: ValueRef;
}

/** Bytes of the block records in a round that are large enough to be separated. */
export function separableBytes(step: RoundStep, valueBytesMin: number): number {
  let bytes = 0;
  // Every round passes here, so no generator.
  for (const { log, puts } of step.logs) {
    if (log === QC_LOG) continue;
    for (const put of puts) {
      const length = valueBytes(put);
      if (length >= valueBytesMin) bytes += length;
    }
  }
  return bytes;
}

/** Those records, in the order of the round. */
export function* separablePuts(step: RoundStep, valueBytesMin: number): Generator<Put, void, void> {
  for (const { log, puts } of step.logs) {
    if (log === QC_LOG) continue;
    for (const put of puts) if (valueBytes(put) >= valueBytesMin) yield put;
  }
}

/** The round with references in place of those records; `references` are theirs, in the same order. */
export function separated(step: RoundStep, valueBytesMin: number, references: Iterator<ValueRef>): RoundStep {
  const replace = (put: Put): Put => {
    if (valueBytes(put) < valueBytesMin) return put;
    const { value: reference } = references.next();
    return separatedPut(put.key, reference as ValueRef);
  };
  const logs = step.logs.map((log): LogStep => (log.log === QC_LOG ? log : { ...log, puts: log.puts.map(replace) }));
  return { ...step, logs };
}

/** A put of a reference. */
export function separatedPut(key: string, reference: ValueRef): SeparatedPut {
  return { type: 'put', key, value: encodeReference(key, reference), reference };
}
