/**
 * The model for reading a store whose own model is not at hand. It decodes no entry, so views and
 * `verify` take it and nothing else does.
 */
import { LanestoreError } from '../errors.js';
import type { Model } from './model.js';

/** An entry under {@link rawModel}: the decoded CBOR body of its record. */
export type RawEntry = unknown;

function refuse(): never {
  throw new LanestoreError('LANESTORE_INVALID', 'rawModel decodes no entries');
}

const codec = { check: refuse, toBody: refuse, fromBody: (body: RawEntry) => body, toWire: refuse, fromWire: refuse };

/**
 * Reads a store of any model. Checked is what needs no model: LevelDB's files, checksums, keys,
 * ranges, CBOR, the witness, and that anchor and inner are those of the newest batch. Not checked:
 * that an entry is the one that its key names, and what the anchor says of the ranges. Every
 * function but `fromBody` throws LANESTORE_INVALID.
 * @example
 * ```ts
 * import { rawModel, verify } from 'lanestore';
 *
 * const { findings } = await verify('state', { model: rawModel });
 * ```
 */
export const rawModel: Model<RawEntry, RawEntry, RawEntry> = Object.freeze({
  name: '',
  block: { ...codec, lane: refuse, number: refuse },
  commitQC: { ...codec, index: refuse, laneStarts: refuse },
  anchor: { ...codec, index: refuse, commitQC: refuse },
});

/** True for {@link rawModel}. */
export function isRaw(model: object): boolean {
  return model === rawModel;
}
