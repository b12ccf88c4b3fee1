/**
 * Compiles shapes into closures that write and read bodies.
 *
 * A stretch is a run of bytes that are the same in every body (heads of maps, keys, heads of
 * integers and of byte strings of fixed length), with places of fixed length in between; it may
 * extend over nested maps. It is written with one copy and checked in one pass, and each closure
 * knows the offset of its place. A stretch ends before a value of variable length.
 *
 * Each kind of value and each object type has closures of its own in the source (`Access`). So a
 * call of a property has one target, and V8 inlines it. A list calls its items through a shared
 * closure.
 */

import { BodyReader } from './body-reader.js';
import type { EntryShape, MapShape, Shape, Write } from './shape.js';
import { byteString, map, type Piece, Stretch, text, UINT64 } from './template.js';
import * as values from './values.js';

/** A compiled writer and reader of bodies. */
export interface Layout {
  /**
   * Checks an object and writes its body. False at the first value that does not fit: the caller
   * must then discard what was written.
   */
  readonly write: Write;
  /**
   * The object of a body; undefined unless `body` has exactly the bytes that `write` produces. Byte
   * strings share the memory of `body`.
   */
  readonly read: (body: Uint8Array) => object | undefined;
}

/** With more entries, a map's head would need two bytes. */
const ENTRIES_MAX = 23;

/** Compiles the shape of whole bodies. */
export function compile(shape: MapShape): Layout {
  const compiler = new Compiler();
  const { write, read } = compiler.map(shape);
  compiler.end();
  return {
    write,
    read(body) {
      const from = new BodyReader(body);
      const object = read(from) as object;
      return from.isDone ? object : undefined;
    },
  };
}

class Compiler {
  /** The stretch under construction. */
  #stretch = new Stretch();
  #varies = false;

  map({ entries, access }: MapShape): values.Field {
    if (entries.length === 0 || entries.length > ENTRIES_MAX)
      throw new RangeError(`a map of ${entries.length} entries`);
    const required = entries.filter(({ presence }) => presence !== 'optional').length;
    const hasOptional = required < entries.length;
    if (!hasOptional) this.#stretch.add(map(required));
    const head = hasOptional ? this.#place(1) : undefined;
    const fields = entries.map((entry) => [entry.name, this.#entry(entry)] as const);
    const object = {
      write: access.write(Object.fromEntries(fields.map(([name, { write }]) => [name, write]))),
      read: access.read(Object.fromEntries(fields.map(([name, { read }]) => [name, read]))),
    };
    return head === undefined ? object : values.objectWithOptional(object, head, required);
  }

  #entry({ name, shape, presence, listFault }: EntryShape): values.Field {
    if (presence !== 'optional') {
      this.#stretch.add(text(name));
      return presence === 'repeated' ? this.#list(shape, listFault) : this.#value(shape);
    }
    this.#varies = true;
    this.end();
    const key = this.#stretch;
    key.add(text(name));
    const value = this.#value(shape);
    this.end();
    return values.optional(key, value);
  }

  #value(shape: Shape): values.Field {
    if (shape.is === 'map') return this.map(shape);
    if (shape.is === 'number') return values.number(this.#vary(), shape.max);
    if (shape.is === 'integer') {
      return shape.signed ? values.signed(this.#place(9)) : values.unsigned(this.#place(8, [UINT64]));
    }
    const { length } = shape;
    if (length === undefined) return values.bytes(this.#vary());
    return values.fixedBytes(this.#place(length, byteString(length)), length);
  }

  #list(shape: Shape, listFault: EntryShape['listFault']): values.Field {
    const begins = this.#vary();
    if (shape.is === 'bytes' && shape.length === undefined) return values.bytesList(begins, listFault);
    if (shape.is !== 'map') throw new RangeError('the items of a list are maps, or byte strings of any length');
    const items = new Compiler();
    const item = items.map(shape);
    items.end();
    const list = values.list(begins, item, listFault);
    if (items.#varies) return list;
    // Items of fixed length: the stretches of all items are copied at once, not item by item.
    const copied = new Compiler();
    copied.#stretch.begin();
    const { write } = copied.map(shape);
    return { ...list, write: values.fixedList(begins, write, listFault, copied.end()) };
  }

  /**
   * Adds `head` and a place of `length` bytes. Returns the place's offset, and the stretch if this
   * is its first place.
   */
  #place(length: number, head: Piece = []): values.Place {
    this.#stretch.add(head);
    const offset = this.#stretch.length;
    this.#stretch.add({ place: length });
    return { begins: this.#stretch.begin(), offset };
  }

  /**
   * Ends the stretch before a value of variable length. Returns the stretch if no writer copies it
   * yet.
   */
  #vary(): values.Begins {
    const begins = this.#stretch.begin();
    this.#varies = true;
    this.end();
    return begins;
  }

  /** Ends the stretch and returns it. */
  end(): Stretch {
    const ended = this.#stretch;
    ended.end();
    this.#stretch = new Stretch();
    return ended;
  }
}
