/**
 * Unsigned 64-bit numbers in keys: 20 decimal digits, zero-padded, so that byte order is numeric
 * order, and any LevelDB tool shows them readably.
 */
import { LanestoreError } from '../errors.js';

/** The largest u64. It can be a `next`, but not the number of an entry. */
export const U64_MAX = 2n ** 64n - 1n;

/** The highest number of an entry: its `next` must still be a u64. */
export const ENTRY_NUMBER_MAX = U64_MAX - 1n;

/** Digits of every number in a key: those of {@link U64_MAX}. */
export const U64_DIGITS = 20;

const PADDED = /^[0-9]{20}$/;

/** True for a bigint that is a u64. */
export function isU64(value: unknown): value is bigint {
  // Two comparisons take more than twice as long in V8, and a round checks hundreds of numbers.
  return typeof value === 'bigint' && BigInt.asUintN(64, value) === value;
}

/** True for a bigint that can be the number of a stored entry. */
export function isEntryNumber(value: unknown): value is bigint {
  return typeof value === 'bigint' && value >= 0n && value <= ENTRY_NUMBER_MAX;
}

/**
 * Checks that `value` is a u64 and returns it.
 * @throws TypeError if it is not a bigint; LANESTORE_INVALID if it is out of range. `what` is its
 * name in the message.
 */
export function u64(value: unknown, what: string): bigint {
  if (typeof value !== 'bigint') throw new TypeError(`${what} must be a bigint, got ${typeof value}`);
  if (value < 0n || value > U64_MAX) {
    throw new LanestoreError('LANESTORE_INVALID', `${what} ${value} is not an unsigned 64-bit number`);
  }
  return value;
}

/**
 * Checks that `value` can be the number of a stored entry, 0 to 2^64-2, and returns it.
 * @throws TypeError if it is not a bigint; LANESTORE_INVALID if it is out of range.
 */
export function entryNumber(value: unknown, what: string): bigint {
  const number = u64(value, what);
  if (number > ENTRY_NUMBER_MAX) {
    throw new LanestoreError('LANESTORE_INVALID', `${what} ${number} is too high: the highest is ${ENTRY_NUMBER_MAX}`);
  }
  return number;
}

/** `number` as 20 zero-padded digits. The caller must have checked that it is a u64. */
export function padU64(number: bigint): string {
  return number.toString().padStart(U64_DIGITS, '0');
}

/** The number written as 20 digits, or undefined if {@link padU64} would not have written them. */
export function parsePaddedU64(digits: string): bigint | undefined {
  if (!PADDED.test(digits)) return undefined;
  const number = BigInt(digits);
  return number > U64_MAX ? undefined : number;
}

/** The larger of two numbers. */
export function maxU64(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/** The smaller of two numbers. */
export function minU64(a: bigint, b: bigint): bigint {
  return b > a ? a : b;
}
