/**
 * Readers of values. Each accepts exactly the output of the writer of the same name. `begins` is
 * the stretch that starts with this value, if one does.
 */
import type { Access, EntryShape, Read } from './shape.js';
import { map, type Stretch } from './template.js';

const MAP = map(0)[0] as number;

type Begins = Stretch | undefined;
type Fields = Record<string, Read<unknown>>;

/** An object whose properties are all required. */
export function object({ read }: Access<Record<string, unknown>>, fields: Fields): Read<unknown> {
  return (from) => read(fields, from);
}

/**
 * An object with optional properties. The number of entries in its head must be the number found.
 */
export function objectWithOptional(
  { read }: Access<Record<string, unknown>>,
  fields: Fields,
  begins: Begins,
  offset: number,
  required: number,
): Read<unknown> {
  return (from) => {
    if (begins !== undefined) from.pass(begins.template);
    const head = from.byteAt(offset);
    const outer = from.optional;
    from.optional = 0;
    const value = read(fields, from);
    if (head !== (MAP | (required + from.optional))) from.fail();
    from.optional = outer;
    return value;
  };
}

/** An optional property. It is absent if another key follows. */
export function optional<T>(key: Stretch, read: Read<T>): Read<T | undefined> {
  return (from) => {
    if (!from.isAt(key.template)) return undefined;
    from.optional++;
    return read(from);
  };
}

/** A byte string of a fixed length. */
export function fixedBytes(begins: Begins, offset: number, length: number): Read<Uint8Array> {
  return (from) => {
    if (begins !== undefined) from.pass(begins.template);
    return from.bytesAt(offset, length);
  };
}

/** An unsigned 64-bit integer. */
export function unsigned(begins: Begins, offset: number): Read<bigint> {
  return (from) => {
    if (begins !== undefined) from.pass(begins.template);
    return from.unsignedAt(offset);
  };
}

/** A signed 64-bit integer. */
export function signed(begins: Begins, offset: number): Read<bigint> {
  return (from) => {
    if (begins !== undefined) from.pass(begins.template);
    const value = from.integerAt(offset);
    if (BigInt.asIntN(64, value) !== value) from.fail();
    return value;
  };
}

/** A whole number up to `max`. */
export function number(begins: Begins, max: number): Read<number> {
  return (from) => {
    if (begins !== undefined) from.pass(begins.template);
    const value = from.number();
    if (value > max) from.fail();
    return value;
  };
}

/** A byte string of any length. */
export function bytes(begins: Begins): Read<Uint8Array> {
  return (from) => {
    if (begins !== undefined) from.pass(begins.template);
    return from.byteString();
  };
}

/** A list of byte strings of any length. */
export function bytesList(begins: Begins): Read<Uint8Array[]> {
  return (from) => {
    if (begins !== undefined) from.pass(begins.template);
    const items: Uint8Array[] = [];
    for (let left = from.array(); left > 0 && !from.hasFailed; left--) items.push(from.byteString());
    return items;
  };
}

/** A list of objects. */
export function list(begins: Begins, read: Read<unknown>, listFault: EntryShape['listFault']): Read<unknown[]> {
  return (from) => {
    if (begins !== undefined) from.pass(begins.template);
    const items: unknown[] = [];
    for (let left = from.array(); left > 0 && !from.hasFailed; left--) items.push(read(from));
    if (!from.hasFailed && listFault?.(items as never[]) !== undefined) from.fail();
    return items;
  };
}
