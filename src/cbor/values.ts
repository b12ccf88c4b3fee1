/**
 * Writers and readers of values. A writer checks the value, and returns false if it does not fit. A
 * reader accepts exactly the output of the writer of the same {@link Field}.
 */
import type { EntryShape, Read, Write } from './shape.js';
import { map, NEGATIVE64, type Stretch, UINT64 } from './template.js';

const MAP = map(0)[0] as number;

/** A compiled writer and reader of one value. */
export interface Field {
  readonly write: Write;
  readonly read: Read<unknown>;
}

/**
 * The stretch that the writer of a value copies first; undefined if an earlier writer copies it.
 */
export type Begins = Stretch | undefined;

/** A place in a stretch. */
export interface Place {
  readonly begins: Begins;
  readonly offset: number;
}

type ListFault = EntryShape['listFault'];

/** An object with optional properties. Its head has the number of entries and is filled in last. */
export function objectWithOptional({ write, read }: Field, { begins, offset }: Place, required: number): Field {
  return {
    write: (to, value) => {
      if (begins !== undefined) to.stretch(begins.bytes);
      const head = to.positionOf(offset);
      const outer = to.optional;
      to.optional = 0;
      if (!write(to, value)) return false;
      to.fillByteAt(head, MAP | (required + to.optional));
      to.optional = outer;
      return true;
    },
    read: (from) => {
      if (begins !== undefined) from.pass(begins.template);
      const head = from.byteAt(offset);
      const outer = from.optional;
      from.optional = 0;
      const value = read(from);
      if (head !== (MAP | (required + from.optional))) from.fail();
      from.optional = outer;
      return value;
    },
  };
}

/** An optional property. It is absent if another key than `key` follows. */
export function optional(key: Stretch, { write, read }: Field): Field {
  return {
    write: (to, value) => {
      if (value === undefined) return true;
      to.optional++;
      return write(to, value);
    },
    read: (from) => {
      if (!from.isAt(key.template)) return undefined;
      from.optional++;
      return read(from);
    },
  };
}

/** A byte string of a fixed length. */
export function fixedBytes({ begins, offset }: Place, length: number): Field {
  return {
    write: (to, value) => {
      if (!(value instanceof Uint8Array) || value.length !== length) return false;
      if (begins !== undefined) to.stretch(begins.bytes);
      to.fillBytes(offset, value);
      return true;
    },
    read: (from) => {
      if (begins !== undefined) from.pass(begins.template);
      return from.bytesAt(offset, length);
    },
  };
}

/** An unsigned 64-bit integer. */
export function unsigned({ begins, offset }: Place): Field {
  return {
    write: (to, value) => {
      if (typeof value !== 'bigint' || BigInt.asUintN(64, value) !== value) return false;
      if (begins !== undefined) to.stretch(begins.bytes);
      to.fillBigint(offset, value);
      return true;
    },
    read: (from) => {
      if (begins !== undefined) from.pass(begins.template);
      return from.unsignedAt(offset);
    },
  };
}

/** A signed 64-bit integer. */
export function signed({ begins, offset }: Place): Field {
  return {
    write: (to, value) => {
      if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) return false;
      if (begins !== undefined) to.stretch(begins.bytes);
      const isNegative = value < 0n;
      to.fillByte(offset, isNegative ? NEGATIVE64 : UINT64);
      to.fillBigint(offset + 1, isNegative ? -1n - value : value);
      return true;
    },
    read: (from) => {
      if (begins !== undefined) from.pass(begins.template);
      const value = from.integerAt(offset);
      if (BigInt.asIntN(64, value) !== value) from.fail();
      return value;
    },
  };
}

/** A whole number up to `max`. */
export function number(begins: Begins, max: number): Field {
  return {
    write: (to, value) => {
      if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max) return false;
      if (begins !== undefined) to.stretch(begins.bytes);
      to.number(value);
      return true;
    },
    read: (from) => {
      if (begins !== undefined) from.pass(begins.template);
      const value = from.number();
      if (value > max) from.fail();
      return value;
    },
  };
}

/** A byte string of any length. */
export function bytes(begins: Begins): Field {
  return {
    write: (to, value) => {
      if (!(value instanceof Uint8Array)) return false;
      if (begins !== undefined) to.stretch(begins.bytes);
      to.bytes(value);
      return true;
    },
    read: (from) => {
      if (begins !== undefined) from.pass(begins.template);
      return from.byteString();
    },
  };
}

/** A list of byte strings of any length. */
export function bytesList(begins: Begins, listFault: ListFault): Field {
  return {
    write: (to, value) => {
      if (!Array.isArray(value)) return false;
      if (begins !== undefined) to.stretch(begins.bytes);
      const { length } = value;
      to.array(length);
      for (let i = 0; i < length; i++) {
        const item: unknown = value[i];
        if (!(item instanceof Uint8Array)) return false;
        to.bytes(item);
      }
      return listFault === undefined || listFault(value as never[]) === undefined;
    },
    read: (from) => {
      if (begins !== undefined) from.pass(begins.template);
      const items: Uint8Array[] = [];
      for (let left = from.array(); left > 0 && !from.hasFailed; left--) items.push(from.byteString());
      if (!from.hasFailed && listFault?.(items as never[]) !== undefined) from.fail();
      return items;
    },
  };
}

/** A list of objects. */
export function list(begins: Begins, { write, read }: Field, listFault: ListFault): Field {
  return {
    write: (to, value) => {
      if (!Array.isArray(value)) return false;
      if (begins !== undefined) to.stretch(begins.bytes);
      const { length } = value;
      to.array(length);
      for (let i = 0; i < length; i++) if (!write(to, value[i])) return false;
      return listFault === undefined || listFault(value as never[]) === undefined;
    },
    read: (from) => {
      if (begins !== undefined) from.pass(begins.template);
      const items: unknown[] = [];
      for (let left = from.array(); left > 0 && !from.hasFailed; left--) items.push(read(from));
      if (!from.hasFailed && listFault?.(items as never[]) !== undefined) from.fail();
      return items;
    },
  };
}

/**
 * A list of objects of fixed size. Each object is one copy of the stretch `item`; all copies are
 * written first, and then filled in.
 */
export function fixedList(begins: Begins, write: Write, listFault: ListFault, item: Stretch): Write {
  const { length: itemBytes } = item;
  return (to, value) => {
    if (!Array.isArray(value)) return false;
    if (begins !== undefined) to.stretch(begins.bytes);
    const { length } = value;
    to.array(length);
    to.stretches(item.template, length);
    for (let i = 0; i < length; i++) {
      if (!write(to, value[i])) return false;
      to.advance(itemBytes);
    }
    return listFault === undefined || listFault(value as never[]) === undefined;
  };
}
