/** The rows of which a message's table consists, and what of a field is done with it in its message. */
import { inside, type Malformed, wrongType } from './malformed.js';
import type { Kind } from './scalars.js';
import { LENGTH_DELIMITED, varintSize } from './wire.js';

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

/** What a property holds, with the tags and lengths of its field. */
export type Content<T> = Required<Omit<Kind<T>, 'wire' | 'shape'>>;

/** A value, in a field of its own; `tag` is one byte. */
export function single<T>(tag: number, kind: Kind<T>): Content<T> {
  const { check, size, write, pathAt, reader } = kind;
  const isDelimited = kind.wire === LENGTH_DELIMITED;
  const headSize = (content: number): number => (isDelimited ? 1 + varintSize(content) : 1);
  return {
    check,
    reader,
    size(value) {
      const content = size(value);
      return headSize(content) + content;
    },
    write(to, value) {
      const end = to.at;
      write(to, value);
      if (isDelimited) to.varint(end - to.at);
      to.byte(tag);
    },
    // Empty in its tag and its length.
    pathAt(value, offset) {
      const head = headSize(size(value));
      return offset < head ? '' : (pathAt?.(value, offset - head) ?? '');
    },
  };
}

/** A list, each item in a field of its own. */
export function list<T>(tag: number, kind: Kind<T>, listFault?: ListFault<never>): Content<readonly T[]> {
  const item = single(tag, kind);
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
    write(to, items) {
      for (let i = items.length - 1; i >= 0; i--) item.write(to, items[i] as T);
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

/** `kind` in a message of its own, which only the encoding shows; `open` reads it out of that message. */
export function wrapped<T>(
  tag: number,
  kind: Kind<T>,
  open: (message: unknown, read: (held: unknown) => T) => T,
): Kind<T> {
  return {
    ...single(tag, kind),
    wire: LENGTH_DELIMITED,
    shape: kind.shape,
    reader(source) {
      const read = kind.reader(source);
      return source === 'message' ? (message) => open(message, read) : read;
    },
  };
}
