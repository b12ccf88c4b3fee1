/**
 * Checks of arguments. Each options object has a table with one line for each option, and
 * {@link fields} turns the table into a check. Such a check can be a line of another table, for
 * nested options. The type of a table is derived from its options: a missing line does not compile.
 *
 * A wrong type, an unknown name and a missing option throw TypeError; a value out of range throws
 * LANESTORE_INVALID. The message begins with the function and names the option. An undefined option
 * counts as absent.
 */
import { LanestoreError } from '../errors.js';

/**
 * Returns `value` if it is a `T`; `name` is its name in messages.
 * @throws TypeError for another type; LANESTORE_INVALID for a value out of range.
 */
export type Check<T> = (value: unknown, name: string) => T;

/** The check of a required option. */
export type RequiredCheck<T> = Check<T> & { readonly isRequired: true };

/** A check for each option; required options need {@link required}. */
export type Checks<Options> = {
  readonly [Name in keyof Options]-?: Record<never, never> extends Pick<Options, Name>
    ? Check<Exclude<Options[Name], undefined>>
    : RequiredCheck<Options[Name]>;
};

/** Marks an option as required. */
export function required<T>(check: Check<T>): RequiredCheck<T> {
  return Object.assign((value: unknown, name: string) => check(value, name), { isRequired: true as const });
}

/** Checks that a value is an object with these fields and no others. */
export function fields<Options>(checks: Checks<Options>): Check<Options> {
  const entries = Object.entries<Check<unknown> & { readonly isRequired?: true }>(checks);
  const table = new Map(entries);
  const needed = entries.flatMap(([name, { isRequired }]) => (isRequired === true ? [name] : []));
  return (value, name) => {
    const kind = fieldsKind(value);
    if (kind === undefined) throw mismatch(name, 'an object', value);
    const object = value as Record<string, unknown>;
    // Includes inherited fields, because they are read as well.
    for (const field in object) {
      const check = table.get(field);
      if (check === undefined) throw unknownField(name, field, table);
      const given = object[field];
      if (given !== undefined) check(given, `${name}.${field}`);
    }
    // The loop above does not list getters of a class.
    if (kind === 'instance') {
      for (const [field, check] of table) if (object[field] !== undefined) check(object[field], `${name}.${field}`);
    }
    for (const field of needed) if (object[field] === undefined) throw new TypeError(`${name}.${field} is missing`);
    return value as Options;
  };
}

/**
 * Checks that a value is an object without other fields than these, and reads none of them: the
 * caller reads each one once, and checks what it read.
 */
export function fieldNames<Options>(names: readonly (keyof Options & string)[]): Check<Options> {
  const table = new Map<string, unknown>(names.map((field) => [field, undefined]));
  return (value, name) => {
    if (fieldsKind(value) === undefined) throw mismatch(name, 'an object', value);
    for (const field in value as object) if (!table.has(field)) throw unknownField(name, field, table);
    return value as Options;
  };
}

/** True or false. */
export const boolean: Check<boolean> = (value, name) => {
  if (typeof value !== 'boolean') throw mismatch(name, 'a boolean', value);
  return value;
};

/** A text. */
export const string: Check<string> = (value, name) => {
  if (typeof value !== 'string') throw mismatch(name, 'a string', value);
  return value;
};

/** A `Uint8Array`. */
export const byteArray: Check<Uint8Array> = (value, name) => {
  if (!(value instanceof Uint8Array)) throw mismatch(name, 'a Uint8Array', value);
  return value;
};

/** A whole number in [min, max]; `unit` is added to messages, such as `of bytes`. */
export function wholeNumber(min: number, max = Number.MAX_SAFE_INTEGER, unit = ''): Check<number> {
  const isBounded = max < Number.MAX_SAFE_INTEGER;
  const kind = min === 1 && !isBounded ? 'a positive whole number' : 'a whole number';
  const expected = [kind, unit, isBounded ? `from ${min} to ${max}` : ''].filter((part) => part !== '').join(' ');
  return (value, name) => {
    if (typeof value !== 'number') throw mismatch(name, 'a number', value);
    if (!Number.isSafeInteger(value) || value < min || value > max) throw outOfRange(name, expected, value);
    return value;
  };
}

/** A positive whole number of bytes. */
export const byteCount = wholeNumber(1, Number.MAX_SAFE_INTEGER, 'of bytes');

/** A positive whole number. */
export const count = wholeNumber(1);

/** A bigint in [0, 2^64-1]. */
export const uint64: Check<bigint> = (value, name) => {
  if (typeof value !== 'bigint') throw mismatch(name, 'a bigint', value);
  if (BigInt.asUintN(64, value) !== value) throw outOfRange(name, 'an unsigned 64-bit number', value);
  return value;
};

/** One of the given texts. */
export function oneOf<T extends string>(...texts: readonly T[]): Check<T> {
  return (value, name) => {
    string(value, name);
    if (!texts.includes(value as T)) throw outOfRange(name, texts.join(' or '), value);
    return value as T;
  };
}

/** A function. Its parameters cannot be checked. */
export function callback<T extends (...args: never[]) => unknown>(): Check<T> {
  return (value, name) => {
    if (typeof value !== 'function') throw mismatch(name, 'a function', value);
    return value as T;
  };
}

/** An object that has at least these methods; `expected` describes it in messages. */
export function withMethods<T>(expected: string, ...methods: readonly (keyof T & string)[]): Check<T> {
  return (value, name) => {
    const object = (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
    for (const method of methods) if (typeof object[method] !== 'function') throw mismatch(name, expected, value);
    return value as T;
  };
}

/** True, false, or a value that `check` accepts. */
export function orBoolean<T>(check: Check<T>): Check<T | boolean> {
  return (value, name) => {
    if (typeof value === 'boolean') return value;
    if (typeof value !== 'object' || value === null) throw mismatch(name, 'a boolean or an object', value);
    return check(value, name);
  };
}

/**
 * An array or another iterable object, but not a string or bytes, which are iterable, too. Its
 * items are not checked.
 */
export const iterable: Check<never> = (value, name) => {
  if (Array.isArray(value)) return value as never;
  const isObject = typeof value === 'object' && value !== null && !ArrayBuffer.isView(value);
  if (!isObject || typeof (value as { [Symbol.iterator]?: unknown })[Symbol.iterator] !== 'function') {
    throw mismatch(name, 'an array or another iterable', value);
  }
  return value as never;
};

/** Anything but a promise; the caller defines the type. */
export const settled: Check<never> = (value, name) => {
  if (isThenable(value)) throw mismatch(name, 'a value', value);
  return value as never;
};

/** The TypeError for a value of another type. */
export function mismatch(name: string, expected: string, value: unknown): TypeError {
  return new TypeError(`${name} must be ${expected}, got ${kindOf(value)}`);
}

/** LANESTORE_INVALID for a value out of range. */
export function outOfRange(name: string, expected: string, value: unknown): LanestoreError {
  return new LanestoreError('LANESTORE_INVALID', `${name} must be ${expected}, got ${String(value)}`);
}

function unknownField(name: string, field: string, table: ReadonlyMap<string, unknown>): TypeError {
  return new TypeError(`${name}.${field} is unknown; known are ${[...table.keys()].join(', ')}`);
}

/**
 * `plain` for an object literal, `instance` for an instance of a class; undefined for a value that
 * is no options object.
 */
function fieldsKind(value: unknown): 'plain' | 'instance' | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null) return 'plain';
  // Arrays, maps, dates, buffers and other built-in objects have a different tag.
  const tag = Object.prototype.toString.call(value);
  return (tag === '[object Object]' || tag === '[object Module]') && !isThenable(value) ? 'instance' : undefined;
}

/** True for a promise, and for any other object with a `then` method. */
export function isThenable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (isThenable(value)) return 'a promise: await it';
  if (typeof value !== 'object') return `a ${typeof value}`;
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1);
  return /^[AEIOU]/.test(tag) ? `an ${tag}` : `a ${tag}`;
}
