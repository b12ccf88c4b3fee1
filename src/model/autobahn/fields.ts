/** The rows of a message's table, and what is compiled from one row. */

import { fieldEncoding, type ListFault, type Presence, wrappedEncoding } from './encoding.js';
import { inside, wrongType } from './malformed.js';
import type { Kind } from './scalars.js';
import { LENGTH_DELIMITED, varintSize } from './wire.js';

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

/** The content of a property, with the tags and length prefixes of its field. */
export type Content<T> = Required<Pick<Kind<T>, 'check' | 'size' | 'pathAt' | 'reader'>>;

/** One value in one field. */
export function single<T>(kind: Kind<T>): Content<T> {
  const { check, size, pathAt, reader } = kind;
  const isDelimited = kind.wire === LENGTH_DELIMITED;
  const headSize = (content: number): number => (isDelimited ? 1 + varintSize(content) : 1);
  return {
    check,
    reader,
    size(value) {
      const content = size(value);
      return headSize(content) + content;
    },
    // The path is empty if the offset is in the tag or the length.
    pathAt(value, offset) {
      const head = headSize(size(value));
      return offset < head ? '' : (pathAt?.(value, offset - head) ?? '');
    },
  };
}

/** A list, with one field for each item. */
export function list<T>(kind: Kind<T>, listFault?: ListFault<never>): Content<readonly T[]> {
  const item = single(kind);
  const visit = (work: (item: unknown) => unknown, keepsResults: boolean) => (held: unknown) => {
    if (!Array.isArray(held)) throw wrongType(held, 'an array');
    const results: unknown[] = keepsResults ? [] : held;
    let i = 0;
    try {
      for (; i < held.length; i++) {
        const result = work(held[i]);
        if (keepsResults) results.push(result);
      }
    } catch (error) {
      throw inside(`[${i}]`, error);
    }
    const fault = listFault?.(results as never[]);
    if (fault !== undefined) throw fault;
    return results as T[];
  };
  return {
    check: visit(item.check, false),
    size(items) {
      let size = 0;
      for (let i = 0; i < items.length; i++) size += item.size(items[i] as T);
      return size;
    },
    pathAt(items, offset) {
      let rest = offset;
      for (const [i, value] of items.entries()) {
        const size = item.size(value);
        if (rest < size) return `[${i}]${item.pathAt(value, rest)}`;
        rest -= size;
      }
      return '';
    },
    reader: (source) => visit(item.reader(source), true),
  };
}

/**
 * A kind that the protocol encodes as a message with one field. Entries and bodies hold its value
 * directly; `open` reads the value from the generated message.
 */
export function wrapped<T>(
  tag: number,
  kind: Kind<T>,
  open: (message: unknown, read: (held: unknown) => T) => T,
): Kind<T> {
  return {
    ...single(kind),
    wire: LENGTH_DELIMITED,
    shape: kind.shape,
    encoding: wrappedEncoding(fieldEncoding('', tag, kind.wire, kind.encoding)),
    reader(source) {
      const read = kind.reader(source);
      return source === 'message' ? (message) => open(message, read) : read;
    },
  };
}
