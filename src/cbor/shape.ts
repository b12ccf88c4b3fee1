/**
 * What a body may be made of: maps with known keys, in one order. A shape is what `steps.ts` compiles, once, into what writes and reads
 * such bodies.
 */

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

/** A map; the bodies of objects. */
export interface MapShape {
  readonly is: 'map';
  /** At most {@link ENTRIES_MAX}. */
  readonly entries: readonly EntryShape[];
  readonly access: Access;
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

/** Entries of a map. */
export const ENTRIES_MAX = 6;

/** How the properties of an object are got at, in the order of the entries. */
export interface Access {
  /** The properties, each read once. */
  // biome-ignore lint/suspicious/noExplicitAny: objects of many types pass here
  readonly take: (object: any) => unknown[];
  /** An object with these properties, in this order; one that is undefined has no key. Values behind the last property are left out. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly make: (...values: any[]) => object;
}

/** Access to properties by their names. Several times as slow as functions that are written out, whose property accesses V8 specialises. */
export function accessByName(names: readonly string[]): Access {
  return {
    take: (object: Record<string, unknown>) => names.map((name) => object[name]),
    make(...values) {
      const object: Record<string, unknown> = {};
      for (const [i, name] of names.entries()) if (values[i] !== undefined) object[name] = values[i];
      return object;
    },
  };
}
