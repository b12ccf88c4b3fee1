/** The rows of a message's table, and the encoding of one field. */
import type { Malformed } from './malformed.js';
import type { Kind } from './scalars.js';
import { LENGTH_DELIMITED, varintSize, type Writer } from './wire.js';

/** Checks a list as a whole; returns the fault, or undefined if there is none. */
export type ListFault<T> = (list: readonly T[]) => Malformed | undefined;

/** How often a field occurs in its message. */
export type Presence = 'required' | 'optional' | 'repeated';

/** One row of a message's table; `V` is the type of the object's property. */
export interface Field<V, P extends Presence = Presence> {
  readonly number: number;
  readonly presence: P;
  // `Table` checks that the kind fits the property; the rows of one table have different kinds.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly kind: Kind<any>;
  /** Checks a whole list, after its items were checked. */
  readonly listFault?: ListFault<never> | undefined;
  /** Never set; only carries the type. */
  readonly holds?: V;
}

/** A row for each property of `T`, in the order of field numbers. */
export type Table<T> = {
  readonly [K in keyof T]-?: Pick<T, K> extends Required<Pick<T, K>>
    ? Field<T[K], 'required' | 'repeated'>
    : Field<Exclude<T[K], undefined>, 'optional'>;
};

/** A required field: a message without it is refused. */
export function required<T>(number: number, kind: Kind<T>): Field<T, 'required'> {
  return { number, presence: 'required', kind };
}

/** An optional field. Absent differs from empty and from zero. */
export function optional<T>(number: number, kind: Kind<T>): Field<T, 'optional'> {
  return { number, presence: 'optional', kind };
}

/**
 * A list. Only length-delimited kinds are accepted: the canonical encoding packs repeated scalars,
 * and no message of this protocol has any.
 */
export function repeated<T>(number: number, kind: Kind<T>, listFault?: ListFault<T>): Field<readonly T[], 'repeated'> {
  if (kind.wire !== LENGTH_DELIMITED) throw new RangeError(`field ${number}: repeated scalars would have to be packed`);
  return { number, presence: 'repeated', kind, listFault };
}

/** Size of a field in bytes: tag, length prefix if it has one, content. */
export function fieldSize<T>(kind: Kind<T>, value: T): number {
  const size = kind.size(value);
  return 1 + (kind.wire === LENGTH_DELIMITED ? varintSize(size) : 0) + size;
}

/** Writes a field in front of the bytes written so far; `tag` is one byte. */
export function writeField<T>(to: Writer, tag: number, kind: Kind<T>, value: T): void {
  const end = to.at;
  kind.write(to, value);
  if (kind.wire === LENGTH_DELIMITED) to.varint(end - to.at);
  to.byte(tag);
}

/**
 * The path to byte `offset` of a field, relative to the field; empty for its tag and its length.
 */
export function pathInField<T>(kind: Kind<T>, value: T, offset: number): string {
  const head = fieldSize(kind, value) - kind.size(value);
  return offset < head ? '' : (kind.pathAt?.(value, offset - head) ?? '');
}
