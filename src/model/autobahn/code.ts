/**
 * For encodings as code: functions that check a value and write it as field `number` of a message,
 * before what `to` holds. So the last field of a message comes first. They return false for a value
 * that the check of its kind refuses; what was written is then meaningless.
 *
 * Messages of votes have such code beside their tables, because every round with a vote waits for
 * it (docs/benchmarks-details.md, A vote in a round). A test compares both.
 */
import { isObject } from '../../cbor/shape.js';
import { isU64 } from '../../keys/index.js';
import { isBytes, isNanos, type ListFault, type WriteCode } from './encoding.js';
import { KEY_BYTES } from './sizes.js';
import type { Timestamp } from './types.js';
import { LENGTH_DELIMITED, VARINT, type Writer } from './wire.js';

/** 2^63: one more than the highest signed number. */
const I64_END = 2n ** 63n;

/** The tag of field `number`, as tagOf makes it, which is too long for V8 to inline everywhere. */
export const delimited = (number: number): number => (number << 3) | LENGTH_DELIMITED;
/** The tag of a field of the other type, as {@link delimited}. */
export const varint = (number: number): number => (number << 3) | VARINT;

/** An unsigned 64-bit number. */
export function u64Field(to: Writer, number: number, value: unknown): boolean {
  if (!isU64(value)) return false;
  to.field64(varint(number), value);
  return true;
}

/** A byte string, of exactly `length` bytes if one is given. */
export function bytesField(to: Writer, number: number, value: unknown, length?: number): boolean {
  if (!isBytes(value, length)) return false;
  to.bytesField(delimited(number), value);
  return true;
}

/** A message; `write` writes its content. */
export function messageField(to: Writer, number: number, value: unknown, write: WriteCode): boolean {
  const before = to.length;
  if (!write(to, value)) return false;
  to.delimit(delimited(number), before);
  return true;
}

/** A list of messages, each of which `write` writes. */
export function listField<T>(
  to: Writer,
  number: number,
  items: unknown,
  write: WriteCode,
  fault: ListFault<T>,
): boolean {
  if (!Array.isArray(items)) return false;
  for (let i = items.length - 1; i >= 0; i--) if (!messageField(to, number, items[i], write)) return false;
  return fault(items) === undefined;
}

/** A key, which is a message of one byte string. */
export function keyField(to: Writer, number: number, value: unknown): boolean {
  if (!isBytes(value, KEY_BYTES)) return false;
  to.nestedBytes(delimited(number), delimited(1), value);
  return true;
}

/** The content of a timestamp. */
export function writeTimestamp(to: Writer, value: unknown): boolean {
  if (!isObject<Timestamp>(value)) return false;
  const { seconds, nanos } = value;
  if (!isNanos(nanos) || typeof seconds !== 'bigint' || seconds < -I64_END || seconds >= I64_END) return false;
  to.varint(nanos);
  to.byte(varint(2));
  to.field64(varint(1), seconds);
  return true;
}
