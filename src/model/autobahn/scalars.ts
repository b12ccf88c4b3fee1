/** The kinds of values that fields have, messages aside: how each is checked, written, and read back. */
import type { Shape } from '../../cbor/shape.js';
import { Malformed, wrongType } from './malformed.js';
import { NANOS_MAX } from './sizes.js';
import { LENGTH_DELIMITED, VARINT, varintSize, varintSize64, type WireType, type Writer } from './wire.js';

/** What a value is read out of: an entry that the caller hands in, the body of a record, or a message of autobahn_pb.ts. */
export type Source = 'entry' | 'body' | 'message';

/** A kind of value. Its functions need no `this`; what `size`, `write` and `pathAt` are given has passed `check`. */
export interface Kind<T> {
  readonly wire: WireType;
  /** Of its body, if all of that is known beforehand. */
  readonly shape?: Shape | undefined;
  /** @throws Malformed */
  readonly check: (value: unknown) => void;
  /** Bytes of its content, a length prefix not included. */
  readonly size: (value: T) => number;
  /** For a kind with parts: the path to the one that byte `offset` of its content is in; to the first for one below 0. */
  readonly pathAt?: (value: T, offset: number) => string;
  readonly write: (to: Writer, value: T) => void;
  /**
   * Compiles what checks a value and gives it in objects and lists of its own, without what its kind does not have. It throws Malformed;
   * for an unknown key too, if the value is of a body or a message.
   */
  readonly reader: (source: Source) => (held: unknown) => T;
}

function integer64(name: string, min: bigint, max: bigint): Kind<bigint> {
  const check = (value: unknown): void => {
    if (typeof value !== 'bigint') throw wrongType(value, 'a bigint');
    if (value < min || value > max) throw new Malformed(`is ${value}, which is no ${name}`);
  };
  return {
    wire: VARINT,
    shape: { is: 'integer', signed: min < 0n },
    check,
    size: varintSize64,
    write: (to, value) => to.varint64(value),
    reader: () => (held) => {
      check(held);
      return held as bigint;
    },
  };
}

/** Unsigned, 64 bits. */
export const u64 = integer64('unsigned 64-bit number', 0n, 2n ** 64n - 1n);

/** Signed, 64 bits: two's complement on the wire. */
export const i64 = integer64('signed 64-bit number', -(2n ** 63n), 2n ** 63n - 1n);

/**
 * Nanoseconds inside of a second. The field is an int32, which the original's canonical encoding cuts to 32 bits where
 * protobuf extends the sign to 64; in this range both write the same. (The original normalises a time outside of it
 * when it decodes, and so never writes one.)
 */
export const nanos: Kind<number> = {
  wire: VARINT,
  shape: { is: 'number', max: NANOS_MAX },
  check(value) {
    if (typeof value !== 'number') throw wrongType(value, 'a number');
    if (!Number.isInteger(value) || value < 0 || value > NANOS_MAX) {
      throw new Malformed(`is ${value}, must be an integer from 0 to ${NANOS_MAX}`);
    }
  },
  size: varintSize,
  write: (to, value) => to.varint(value),
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
    check,
    size: (value) => value.length,
    write: (to, value) => to.raw(value),
    reader: () => (held) => {
      check(held);
      return plain(held as Uint8Array);
    },
  };
}

/** The same memory as a plain Uint8Array: a Buffer has other methods, and deep comparisons tell them apart. */
function plain(value: Uint8Array): Uint8Array {
  return value.constructor === Uint8Array ? value : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}
