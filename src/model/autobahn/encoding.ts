/**
 * Checks a value and writes its canonical encoding, in one pass.
 *
 * Each kind describes its encoding as data, and one function interprets it. A vote waits for its
 * digest after a wait for the disk, when little of the code is in the caches: two passes of
 * closures of each kind take twice as long then (docs/benchmarks-details.md, A vote in a round).
 *
 * Messages of votes also have their encoding as code (code.ts).
 */
import { isObject } from '../../cbor/shape.js';
import type { Malformed } from './malformed.js';
import { NANOS_MAX } from './sizes.js';
import { LENGTH_DELIMITED, type WireType, type Writer } from './wire.js';

type Properties = Record<string, unknown>;

/** A value with its kind. */
interface Tagged {
  readonly kind: string;
  readonly value: unknown;
}

/** How the values of a kind are encoded. All have the same properties, in the same order. */
export interface Encoding {
  readonly is: 'integer' | 'nanos' | 'bytes' | 'message' | 'wrapped' | 'oneOf' | 'code';
  /** The bounds of an `integer`. */
  readonly min: bigint;
  readonly max: bigint;
  /** The length of `bytes`, undefined for any length; of the byte strings that `code` takes. */
  readonly length: number | undefined;
  /** The fields of a `message`, ascending; the only field of a `wrapped` value. */
  readonly fields: readonly FieldEncoding[];
  /**
   * The encoding of `code`; of a `message` or a `oneOf`, the same encoding as that of its fields or
   * cases, if any.
   */
  readonly write: WriteCode | undefined;
  /** The field of each case of a `oneOf`. */
  readonly cases: ReadonlyMap<string, FieldEncoding>;
}

/** An encoding as code; {@link write} says what it does. */
export type WriteCode = (to: Writer, value: unknown) => boolean;

/** Checks a list as a whole; returns the fault, or undefined if there is none. */
export type ListFault<T> = (list: readonly T[]) => Malformed | undefined;

/** How often a field occurs in its message. */
export type Presence = 'required' | 'optional' | 'repeated';

/** A field of a message: one value, or one for each item of a list. */
export interface FieldEncoding {
  /** The property of the object. */
  readonly name: string;
  readonly tag: number;
  readonly isDelimited: boolean;
  readonly presence: Presence;
  readonly encoding: Encoding;
  readonly listFault: ListFault<never> | undefined;
}

const EMPTY: Encoding = {
  is: 'message',
  min: 0n,
  max: 0n,
  length: undefined,
  fields: [],
  write: undefined,
  cases: new Map(),
};

/** Whole numbers of 64 bits. */
export function integerEncoding(min: bigint, max: bigint): Encoding {
  return { ...EMPTY, is: 'integer', min, max };
}

/** Whole numbers from 0 to {@link NANOS_MAX}. */
export const nanosEncoding: Encoding = { ...EMPTY, is: 'nanos' };

/** Byte strings, of exactly `length` bytes if one is given. */
export function bytesEncoding(length: number | undefined): Encoding {
  return { ...EMPTY, is: 'bytes', length };
}

/** Objects; `write`: the same encoding as code. */
export function messageEncoding(fields: readonly FieldEncoding[], write?: WriteCode): Encoding {
  return { ...EMPTY, is: 'message', fields, write };
}

/** Values that are in a message of one field. */
export function wrappedEncoding(field: FieldEncoding): Encoding {
  return { ...EMPTY, is: 'wrapped', fields: [field] };
}

/** Values with their kind: `{ kind, value }`. Cases whose messages have code are written by it. */
export function oneOfEncoding(cases: ReadonlyMap<string, FieldEncoding>): Encoding {
  const table: Encoding = { ...EMPTY, is: 'oneOf', cases };
  const coded = new Map<unknown, { readonly tag: number; readonly code: WriteCode }>();
  for (const [kind, { tag, encoding }] of cases) {
    if (encoding.write !== undefined) coded.set(kind, { tag, code: encoding.write });
  }
  return {
    ...table,
    write(to, value) {
      if (!isObject<Tagged>(value)) return false;
      const field = coded.get(value.kind);
      if (field === undefined) return write(to, table, value);
      const before = to.length;
      if (!field.code(to, value.value)) return false;
      to.delimit(field.tag, before);
      return true;
    },
  };
}

/** Byte strings of `length` bytes that are other values on the wire. */
export function codeEncoding(length: number, write: WriteCode): Encoding {
  return { ...EMPTY, is: 'code', length, write };
}

/** A field that holds one value. */
export function fieldEncoding(name: string, tag: number, wire: WireType, encoding: Encoding): FieldEncoding {
  return { name, tag, isDelimited: wire === LENGTH_DELIMITED, presence: 'required', encoding, listFault: undefined };
}

/**
 * Checks `value` and writes it before what `to` holds. False for a value that the check of its kind
 * refuses: what was written is then meaningless.
 */
export function write(to: Writer, encoding: Encoding, value: unknown): boolean {
  switch (encoding.is) {
    case 'integer':
      if (typeof value !== 'bigint' || value < encoding.min || value > encoding.max) return false;
      to.varint64(value);
      return true;
    case 'nanos':
      if (!isNanos(value)) return false;
      to.varint(value);
      return true;
    case 'bytes':
      if (!isBytes(value, encoding.length)) return false;
      to.raw(value);
      return true;
    case 'message':
      if (encoding.write !== undefined) return encoding.write(to, value);
      return isObject<Properties>(value) && writeFields(to, encoding.fields, value);
    case 'wrapped':
      return writeField(to, encoding.fields[0] as FieldEncoding, value);
    case 'oneOf': {
      if (encoding.write !== undefined) return encoding.write(to, value);
      if (!isObject<Tagged>(value)) return false;
      const field = encoding.cases.get(value.kind as string);
      return field !== undefined && writeField(to, field, value.value);
    }
    case 'code':
      return (encoding.write as WriteCode)(to, value);
  }
}

/** Writes the fields from the last to the first: see {@link Writer}. */
function writeFields(to: Writer, fields: readonly FieldEncoding[], object: Partial<Properties>): boolean {
  for (let i = fields.length - 1; i >= 0; i--) {
    const field = fields[i] as FieldEncoding;
    const held = object[field.name];
    if (held === undefined) {
      if (field.presence !== 'optional') return false;
    } else if (field.presence === 'repeated') {
      if (!writeList(to, field, held)) return false;
    } else if (!writeField(to, field, held)) {
      return false;
    }
  }
  return true;
}

function writeList(to: Writer, field: FieldEncoding, items: unknown): boolean {
  if (!Array.isArray(items)) return false;
  for (let i = items.length - 1; i >= 0; i--) if (!writeField(to, field, items[i])) return false;
  return field.listFault === undefined || field.listFault(items as never[]) === undefined;
}

function writeField(to: Writer, { tag, isDelimited, encoding }: FieldEncoding, value: unknown): boolean {
  const before = to.length;
  if (!write(to, encoding, value)) return false;
  if (isDelimited) to.delimit(tag, before);
  else to.byte(tag);
  return true;
}

/** True for a byte string, of exactly `length` bytes if one is given. */
export function isBytes(value: unknown, length: number | undefined): value is Uint8Array {
  return value instanceof Uint8Array && (length === undefined || value.length === length);
}

/** True for a number of nanoseconds within a second. */
export function isNanos(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= NANOS_MAX;
}
