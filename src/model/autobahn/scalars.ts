/** The kinds of field values, except messages: how each is checked, written and read. */
import type { Shape } from '../../cbor/shape.js';
import { bytesEncoding, type Encoding, integerEncoding, nanosEncoding } from './encoding.js';
import { Malformed, wrongType } from './malformed.js';
import { NANOS_MAX } from './sizes.js';
import { LENGTH_DELIMITED, VARINT, varintSize, varintSize64, type WireType } from './wire.js';

/** The source of a value: an entry, a decoded body, or a generated message of autobahn_pb.ts. */
export type Source = 'entry' | 'body' | 'message';

/**
 * A kind of value. Its functions need no `this`; the arguments of `size` and `pathAt` must have
 * passed `check`.
 */
export interface Kind<T> {
  readonly wire: WireType;
  /** Shape of its body, if that is fixed. */
  readonly shape?: Shape | undefined;
  /** Accepts the same values as `check`. */
  readonly encoding: Encoding;
  /** @throws Malformed */
  readonly check: (value: unknown) => void;
  /** Size of its content in bytes, without a length prefix. */
  readonly size: (value: T) => number;
  /**
   * For a kind with parts: the path to the part that contains byte `offset` of the content. A
   * negative `offset` gives the path to the first part.
   */
  readonly pathAt?: (value: T, offset: number) => string;
  /**
   * Compiles a function that checks a value and copies it; byte strings are shared. Unknown keys
   * are left out of an entry, and refused in a body or a message. That function throws Malformed.
   */
  readonly reader: (source: Source) => (held: unknown) => T;
}

function integer64(name: string, min: bigint, max: bigint): Kind<bigint> {
  const check = (value: unknown): void => {
    if (typeof value !== 'bigint') throw wrongType(value, 'a bigint');
    if (value < min || value > max) throw new Malformed(`is ${value}, which is not ${name}`);
  };
  return {
    wire: VARINT,
    shape: { is: 'integer', signed: min < 0n },
    encoding: integerEncoding(min, max),
    check,
    size: varintSize64,
    reader: () => (held) => {
      check(held);
      return held as bigint;
    },
  };
}

/** Unsigned, 64 bits. */
export const u64 = integer64('an unsigned 64-bit number', 0n, 2n ** 64n - 1n);

/** Signed, 64 bits: two's complement on the wire. */
export const i64 = integer64('a signed 64-bit number', -(2n ** 63n), 2n ** 63n - 1n);

/**
 * Nanoseconds within a second. The field is an int32; the original's canonical encoding cuts it to
 * 32 bits, where protobuf extends the sign to 64 bits. In the range accepted here, both give the
 * same bytes. (The original never writes other values: it normalises them when it decodes.)
 */
export const nanos: Kind<number> = {
  wire: VARINT,
  shape: { is: 'number', max: NANOS_MAX },
  encoding: nanosEncoding,
  check(value) {
    if (typeof value !== 'number') throw wrongType(value, 'a number');
    if (!Number.isInteger(value) || value < 0 || value > NANOS_MAX) {
      throw new Malformed(`is ${value}, must be an integer from 0 to ${NANOS_MAX}`);
    }
  },
  size: varintSize,
  reader: () => (held) => {
    nanos.check(held);
    return held as number;
  },
};

/** A byte string, of exactly `length` bytes if one is given. */
export function bytes(length?: number): Kind<Uint8Array> {
  const check = (value: unknown): void => {
    if (!(value instanceof Uint8Array)) throw wrongType(value, 'a Uint8Array');
    if (length !== undefined && value.length !== length) {
      throw new Malformed(`is ${value.length} bytes long, must be ${length}`);
    }
  };
  return {
    wire: LENGTH_DELIMITED,
    shape: { is: 'bytes', length },
    encoding: bytesEncoding(length),
    check,
    size: (value) => value.length,
    reader: () => (held) => {
      check(held);
      return plain(held as Uint8Array);
    },
  };
}

/**
 * The same memory as a plain Uint8Array: a Buffer has other methods, and deep comparisons
 * distinguish the two.
 */
function plain(value: Uint8Array): Uint8Array {
  return value.constructor === Uint8Array ? value : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}
