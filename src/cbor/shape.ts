/** What a body may be made of: maps with known keys, in one order. `compile.ts` makes of a shape, once, what writes and reads such bodies. */

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

/** A map; the body of an object. */
export interface MapShape {
  readonly is: 'map';
  /** At most 23, one at least. */
  readonly entries: readonly EntryShape[];
  // biome-ignore lint/suspicious/noExplicitAny: the type of the object is known where the shape is made
  readonly access: Access<any>;
}

/** A shape of any kind. */
export type Shape = BytesShape | IntegerShape | NumberShape | MapShape;

/** An entry of a map. */
export interface EntryShape {
  readonly name: string;
  /** Of the value; of an item, if it is a list. */
  readonly shape: Shape;
  readonly presence: 'required' | 'optional' | 'repeated';
  /** Finds what is wrong with a list as a whole; undefined if nothing is. */
  readonly listFault?: ((list: readonly never[]) => unknown) | undefined;
}

/** Checks a value and writes it; false if it does not fit. */
export type Write = (to: CborWriter, value: unknown) => boolean;

/** Reads a value. What it gives means nothing once the reader has failed. */
export type Read<T> = (from: BodyReader) => T;

/** How the properties of an object are got at: each once, in the order of the entries. */
export interface Access<T> {
  /** Passes each property to its writer; false as soon as one says so. */
  readonly write: (
    fields: { readonly [K in keyof T]-?: Write },
    to: CborWriter,
    object: { readonly [K in keyof T]?: unknown },
  ) => boolean;
  /** An object with what each reader gives; a property that is undefined has no key. */
  readonly read: (fields: { readonly [K in keyof T]-?: Read<T[K]> }, from: BodyReader) => T;
}

/** Access by name. Where it is written out instead, V8 compiles all fields of the object into one function, several times as fast. */
export function accessByName<T>(names: readonly (keyof T)[]): Access<T> {
  return {
    write(fields, to, object) {
      for (const name of names) if (!fields[name](to, object[name])) return false;
      return true;
    },
    read(fields, from) {
      const object: Partial<T> = {};
      for (const name of names) {
        const value = fields[name](from);
        if (value !== undefined) object[name] = value;
      }
      return object as T;
    },
  };
}
