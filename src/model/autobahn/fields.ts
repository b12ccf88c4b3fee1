/** The rows of which a message's table consists, and how one field is written. */
import type { Malformed } from './malformed.js';
import type { Kind } from './scalars.js';
import { LENGTH_DELIMITED, varintSize, type Writer } from './wire.js';

/** Finds what is wrong with a list as a whole; undefined if nothing is. */
export type ListFault<T> = (list: readonly T[]) => Malformed | undefined;

/** How often a field occurs in its message. */
export type Presence = 'required' | 'optional' | 'repeated';

/** One row of a message's table; `V` is what the property of the object holds. */
export interface Field<V, P extends Presence = Presence> {
  readonly number: number;
  readonly presence: P;
  // `Table` has checked that the kind fits the property; one table has rows of many kinds.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  readonly kind: Kind<any>;
  /** What is wrong with a whole list, whose items have been checked. */
  readonly listFault?: ListFault<never> | undefined;
  /** Only for the type: never set. */
  readonly holds?: V;
}

/** A row for each property of `T`, in the order of field numbers. */
export type Table<T> = {
  readonly [K in keyof T]-?: Pick<T, K> extends Required<Pick<T, K>>
    ? Field<T[K], 'required' | 'repeated'>
    : Field<Exclude<T[K], undefined>, 'optional'>;
};

/** A field without which the message is refused. */
export function required<T>(number: number, kind: Kind<T>): Field<T, 'required'> {
  return { number, presence: 'required', kind };
}

/** A field that may be absent, which is not the same as empty or zero. */
export function optional<T>(number: number, kind: Kind<T>): Field<T, 'optional'> {
  return { number, presence: 'optional', kind };
}

/**
 * A list. The canonical encoding packs repeated scalars when there are several; no message of this protocol has any,
 * so only length-delimited kinds are taken.
 */
export function repeated<T>(number: number, kind: Kind<T>, listFault?: ListFault<T>): Field<readonly T[], 'repeated'> {
  if (kind.wire !== LENGTH_DELIMITED) throw new RangeError(`field ${number}: repeated scalars would have to be packed`);
  return { number, presence: 'repeated', kind, listFault };
}

/** Bytes of a field: tag, length prefix if it has one, content. */
export function fieldSize<T>(kind: Kind<T>, value: T): number {
  const size = kind.size(value);
  return 1 + (kind.wire === LENGTH_DELIMITED ? varintSize(size) : 0) + size;
}

/** Writes a field in front of what has been written; `tag` is one byte. */
export function writeField<T>(to: Writer, tag: number, kind: Kind<T>, value: T): void {
  const end = to.at;
  kind.write(to, value);
  if (kind.wire === LENGTH_DELIMITED) to.varint(end - to.at);
  to.byte(tag);
}

/** The path to byte `offset` of a field, from that field: empty in its tag and its length. */
export function pathInField<T>(kind: Kind<T>, value: T, offset: number): string {
  const head = fieldSize(kind, value) - kind.size(value);
  return offset < head ? '' : (kind.pathAt?.(value, offset - head) ?? '');
}
