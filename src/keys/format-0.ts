/**
 * The key space of format 0: data in LevelDB without this package. Numbers without padding, no meta
 * keys:
 *
 *   anchor, inner, lane/<lane hex>/<number>, qc/<road index>
 *
 * Only migrations read it. A number of 20 digits has the same key in format 1.
 */
import { isLaneId, type LaneId } from './lane-id.js';
import { ANCHOR_KEY, INNER_KEY } from './registry.js';
import { ENTRY_NUMBER_MAX } from './u64.js';

/** The parsed form of a key of format 0. */
export type Format0Key =
  | { readonly kind: 'anchor' | 'inner' }
  | { readonly kind: 'block'; readonly lane: LaneId; readonly number: bigint }
  | { readonly kind: 'commitQC'; readonly index: bigint };

const BLOCK = /^lane\/([0-9a-f]+)\/(0|[1-9][0-9]*)$/;
const COMMIT_QC = /^qc\/(0|[1-9][0-9]*)$/;

/** Parses a key; undefined if format 0 has no such key. */
export function parseFormat0Key(key: string): Format0Key | undefined {
  if (key === ANCHOR_KEY) return { kind: 'anchor' };
  if (key === INNER_KEY) return { kind: 'inner' };
  const [, lane = '', blockDigits = ''] = BLOCK.exec(key) ?? [];
  const number = numberOf(blockDigits);
  if (number !== undefined) return isLaneId(lane) ? { kind: 'block', lane, number } : undefined;
  const index = numberOf(COMMIT_QC.exec(key)?.[1] ?? '');
  return index === undefined ? undefined : { kind: 'commitQC', index };
}

function numberOf(digits: string): bigint | undefined {
  if (digits === '' || digits.length > 20) return undefined;
  const number = BigInt(digits);
  return number > ENTRY_NUMBER_MAX ? undefined : number;
}
