/**
 * Writers of values. Each checks the value, and returns false if it does not fit. `begins` is the
 * stretch that starts with this value, if one does.
 */
import type { Access, EntryShape, Write } from './shape.js';
import { map, NEGATIVE64, type Stretch, UINT64 } from './template.js';

const MAP = map(0)[0] as number;

type Begins = Stretch | undefined;
type Fields = Record<string, Write>;
type ListFault = EntryShape['listFault'];

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An object whose properties are all required. */
export function object({ write }: Access<Record<string, unknown>>, fields: Fields): Write {
  return (to, value) => isObject(value) && write(fields, to, value);
}

/** An object with optional properties: its head, with the number of entries, is filled in last. */
export function objectWithOptional(
  { write }: Access<Record<string, unknown>>,
  fields: Fields,
  begins: Begins,
  offset: number,
  required: number,
): Write {
  return (to, value) => {
    if (!isObject(value)) return false;
    if (begins !== undefined) to.stretch(begins.bytes);
    const head = to.positionOf(offset);
    const outer = to.optional;
    to.optional = 0;
    if (!write(fields, to, value)) return false;
    to.fillByteAt(head, MAP | (required + to.optional));
    to.optional = outer;
    return true;
  };
}

/** An optional property. */
export function optional(write: Write): Write {
  return (to, value) => {
    if (value === undefined) return true;
    to.optional++;
    return write(to, value);
  };
}

/** A byte string of a fixed length. */
export function fixedBytes(begins: Begins, offset: number, length: number): Write {
  return (to, value) => {
    if (!(value instanceof Uint8Array) || value.length !== length) return false;
    if (begins !== undefined) to.stretch(begins.bytes);
    to.fillBytes(offset, value);
    return true;
  };
}

/** An unsigned 64-bit integer. */
export function unsigned(begins: Begins, offset: number): Write {
  return (to, value) => {
    if (typeof value !== 'bigint' || BigInt.asUintN(64, value) !== value) return false;
    if (begins !== undefined) to.stretch(begins.bytes);
    to.fillBigint(offset, value);
    return true;
  };
}

/** A signed 64-bit integer. */
export function signed(begins: Begins, offset: number): Write {
  return (to, value) => {
    if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) return false;
    if (begins !== undefined) to.stretch(begins.bytes);
    const isNegative = value < 0n;
    to.fillByte(offset, isNegative ? NEGATIVE64 : UINT64);
    to.fillBigint(offset + 1, isNegative ? -1n - value : value);
    return true;
  };
}

/** A whole number up to `max`. */
export function number(begins: Begins, max: number): Write {
  return (to, value) => {
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max) return false;
    if (begins !== undefined) to.stretch(begins.bytes);
    to.number(value);
    return true;
  };
}

/** A byte string of any length. */
export function bytes(begins: Begins): Write {
  return (to, value) => {
    if (!(value instanceof Uint8Array)) return false;
    if (begins !== undefined) to.stretch(begins.bytes);
    to.bytes(value);
    return true;
  };
}

/** A list of byte strings of any length. */
export function bytesList(begins: Begins): Write {
  return (to, value) => {
    if (!Array.isArray(value)) return false;
    if (begins !== undefined) to.stretch(begins.bytes);
    const { length } = value;
    to.array(length);
    for (let i = 0; i < length; i++) {
      const item: unknown = value[i];
      if (!(item instanceof Uint8Array)) return false;
      to.bytes(item);
    }
    return true;
  };
}

/** A list of objects. */
export function list(begins: Begins, write: Write, listFault: ListFault): Write {
  return (to, value) => {
    if (!Array.isArray(value)) return false;
    if (begins !== undefined) to.stretch(begins.bytes);
    const { length } = value;
    to.array(length);
    for (let i = 0; i < length; i++) if (!write(to, value[i])) return false;
    return listFault === undefined || listFault(value as never[]) === undefined;
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
