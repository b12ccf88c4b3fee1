/** From numbers to keys, and from ranges of numbers to ranges of keys. */
import { LanestoreError } from '../errors.js';
import { type LaneId, laneId, remembered } from './lane-id.js';
import { EVENT_PREFIX, LANE_PREFIX, QC_PREFIX } from './registry.js';
import { entryNumber, isEntryNumber, padU64, U64_DIGITS, u64 } from './u64.js';

/** Bounds of a range of keys: `gte` inclusive, `lt` exclusive, as abstract-level's iterators take them. */
export interface KeyRange {
  readonly gte: string;
  readonly lt: string;
}

/** Makes keys from numbers. @throws LANESTORE_INVALID for a number above 2^64-2. */
export type KeyMaker = (number: bigint) => string;

/**
 * Makes the keys of one lane's blocks: the lane is checked once, not with every key.
 * @throws LANESTORE_INVALID for a lane that is not lowercase hex.
 */
export const blockKeys: (lane: LaneId) => KeyMaker = remembered((lane) =>
  keyMaker(`${LANE_PREFIX}${laneId(lane)}/`, 'block number'),
);

/** The last three digits of a number; the ones before them change once in a thousand entries. */
const LAST_DIGITS = Array.from({ length: 1000 }, (_, i) => i.toString().padStart(3, '0'));

/** Up to here a number is exact as a double, and much cheaper to take apart. */
const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER);

function keyMaker(prefix: string, what: string): KeyMaker {
  let thousands = -1;
  let stem = '';
  return (number) => {
    if (!isEntryNumber(number) || number > SAFE_MAX) return prefix + padU64(entryNumber(number, what));
    const small = Number(number);
    const head = Math.floor(small / 1000);
    if (head !== thousands) {
      thousands = head;
      // Through bytes, because a string that was put together is taken apart again at every use.
      stem = Buffer.from(prefix + head.toString().padStart(U64_DIGITS - 3, '0'), 'latin1').toString('latin1');
    }
    return stem + LAST_DIGITS[small - head * 1000];
  };
}

/** @throws LANESTORE_INVALID for a lane that is not lowercase hex, or a number above 2^64-2. */
export function blockKey(lane: LaneId, number: bigint): string {
  return blockKeys(lane)(number);
}

/** The key of a CommitQC. @throws LANESTORE_INVALID for an index above 2^64-2. */
export const commitQCKey: KeyMaker = keyMaker(QC_PREFIX, 'road index');

/** @throws LANESTORE_INVALID for a seq that is no u64. */
export function eventKey(seq: bigint): string {
  return `${EVENT_PREFIX}${padU64(u64(seq, 'event seq'))}`;
}

/**
 * The keys of the blocks [from, to) of one lane. `to` may be 2^64-1, the highest `next`.
 * @throws LANESTORE_INVALID if the range is inverted, or lane or numbers are not what they should be.
 */
export function blockRange(lane: LaneId, from: bigint, to: bigint): KeyRange {
  return numberRange(`${LANE_PREFIX}${laneId(lane)}/`, from, to, 'block number');
}

/** The keys of the CommitQCs [from, to). @throws LANESTORE_INVALID as {@link blockRange}. */
export function commitQCRange(from: bigint, to: bigint): KeyRange {
  return numberRange(QC_PREFIX, from, to, 'road index');
}

/** Every key that could belong to the lane, numbers that no store would write included. */
export function laneRange(lane: LaneId): KeyRange {
  return prefixRange(`${LANE_PREFIX}${laneId(lane)}/`);
}

/** Every key that begins with `prefix`, which ends with an ASCII character. */
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
