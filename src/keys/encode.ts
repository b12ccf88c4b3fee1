/** Converts numbers to keys, and ranges of numbers to ranges of keys. */
import { LanestoreError } from '../errors.js';
import { blockKeys, commitQCKeys } from './entry-keys.js';
import { type LaneId, laneId } from './lane-id.js';
import { EVENT_PREFIX, LANE_PREFIX, QC_PREFIX } from './registry.js';
import { padU64, u64 } from './u64.js';

/** Bounds of a range of keys: `gte` inclusive, `lt` exclusive, as in abstract-level's iterators. */
export interface KeyRange {
  readonly gte: string;
  readonly lt: string;
}

/**
 * The key of a block.
 * @throws LANESTORE_INVALID for a lane that is not lowercase hex, or a number above 2^64-2.
 */
export function blockKey(lane: LaneId, number: bigint): string {
  return blockKeys(lane).text(number);
}

/** The key of a CommitQC. @throws LANESTORE_INVALID for an index above 2^64-2. */
export function commitQCKey(index: bigint): string {
  return commitQCKeys.text(index);
}

/** The key of an event. @throws LANESTORE_INVALID for a seq that is not a u64. */
export function eventKey(seq: bigint): string {
  return `${EVENT_PREFIX}${padU64(u64(seq, 'event seq'))}`;
}

/**
 * The keys of the blocks [from, to) of one lane. `to` may be 2^64-1, the highest `next`.
 * @throws LANESTORE_INVALID if the range is inverted, or the lane or a number is invalid.
 */
export function blockRange(lane: LaneId, from: bigint, to: bigint): KeyRange {
  return numberRange(`${LANE_PREFIX}${laneId(lane)}/`, from, to, 'block number');
}

/** The keys of the CommitQCs [from, to). @throws LANESTORE_INVALID as {@link blockRange}. */
export function commitQCRange(from: bigint, to: bigint): KeyRange {
  return numberRange(QC_PREFIX, from, to, 'road index');
}

/** Every possible key of the lane, including numbers that no store would write. */
export function laneRange(lane: LaneId): KeyRange {
  return prefixRange(`${LANE_PREFIX}${laneId(lane)}/`);
}

/** Every key that begins with `prefix`, which must end with an ASCII character. */
export function prefixRange(prefix: string): KeyRange {
  const last = prefix.charCodeAt(prefix.length - 1);
  return { gte: prefix, lt: prefix.slice(0, -1) + String.fromCharCode(last + 1) };
}

function numberRange(prefix: string, from: bigint, to: bigint, what: string): KeyRange {
  u64(from, what);
  u64(to, what);
  if (from > to) throw new LanestoreError('LANESTORE_INVALID', `range of ${what}s [${from}, ${to}) is inverted`);
  return { gte: prefix + padU64(from), lt: prefix + padU64(to) };
}
