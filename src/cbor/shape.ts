/**
 * Describes the structure of bodies: maps with known keys in a fixed order. `compile.ts` turns a
 * shape into a writer and a reader.
 */

import type { BodyReader } from './body-reader.js';
import type { CborWriter } from './writer.js';

/** A byte string, of exactly `length` bytes if one is given. */
export interface BytesShape {
  readonly is: 'bytes';
  readonly length?: number | undefined;
}

/** A 64-bit integer, always in 9 bytes. */
export interface IntegerShape {
  readonly is: 'integer';
  readonly signed: boolean;
}

/** A whole number from 0 to `max`, which is below 2^32, in the shortest form. */
export interface NumberShape {
  readonly is: 'number';
  readonly max: number;
}

/** A map, which encodes an object. */
export interface MapShape {
  readonly is: 'map';
  /** 1 to 23 entries. */
  readonly entries: readonly EntryShape[];
  // biome-ignore lint/suspicious/noExplicitAny: the type of the object is known where the shape is made
  readonly access: Access<any>;
}

/** A shape of any kind. */
export type Shape = BytesShape | IntegerShape | NumberShape | MapShape;

/** An entry of a map. */
export interface EntryShape {
  readonly name: string;
  /** Shape of the value, or of each item of a list. */
  readonly shape: Shape;
  readonly presence: 'required' | 'optional' | 'repeated';
  /** Checks a list as a whole; returns the fault, or undefined if there is none. */
  readonly listFault?: ((list: readonly never[]) => unknown) | undefined;
}

/** Checks a value and writes it; false if it does not fit. */
export type Write = (to: CborWriter, value: unknown) => boolean;

/** Reads a value. The result is meaningless once the reader has failed. */
export type Read<T> = (from: BodyReader) => T;

/**
 * Access to the properties of an object. Each function reads or sets each property exactly once, in
 * the order of the entries.
 *
 * Each object type has closures of its own in the source, made by a function of the closures of its
 * properties. So V8 sees one target at each call of a property, and inlines it.
 */
export interface Access<T> {
  /**
   * Makes a writer. It returns false for a value that is not an object, and stops at the first
   * property that does not fit.
   */
  readonly write: (fields: { readonly [K in keyof T]-?: Write }) => Write;
  /** Makes a reader. A property that is undefined gets no key. */
  readonly read: (fields: { readonly [K in keyof T]-?: Read<T[K]> }) => Read<T>;
}

/** True for an object that may have properties; its properties are not checked. */
export function isObject<T>(value: unknown): value is { readonly [K in keyof T]?: unknown } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Access by name. Code that names the properties explicitly is several times as fast: V8 compiles
 * all fields of the object into one function.
 */
export function accessByName<T>(names: readonly (keyof T)[]): Access<T> {
  return {
    write: (fields) => (to, value) => {
      if (!isObject<T>(value)) return false;
      for (const name of names) if (!fields[name](to, value[name])) return false;
      return true;
    },
    read: (fields) => (from) => {
      const object: Partial<T> = {};
      for (const name of names) {
        const value = fields[name](from);
        if (value !== undefined) object[name] = value;
      }
      return object as T;
    },
  };
}
