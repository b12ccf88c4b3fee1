/**
 * Compiles shapes into closures that write and read bodies.
 *
 * A stretch is a run of bytes that are the same in every body (heads of maps, keys, heads of
 * integers and of byte strings of fixed length), with places of fixed length in between; it may
 * extend over nested maps. It is written with one copy and checked in one pass, and each closure
 * knows the offset of its place. A stretch ends before a value of variable length.
 *
 * Each kind of value has one closure in the source, and the functions of an `Access` call only the
 * closures of one object. So each call site is monomorphic, and V8 inlines it.
 */

import { BodyReader } from './body-reader.js';
import * as reading from './read-fields.js';
import type { EntryShape, MapShape, Read, Shape, Write } from './shape.js';
import { byteString, map, type Piece, Stretch, text, UINT64 } from './template.js';
import * as writing from './write-fields.js';

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

interface Field {
  readonly write: Write;
  readonly read: Read<unknown>;
}

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

  map({ entries, access }: MapShape): Field {
    if (entries.length === 0 || entries.length > ENTRIES_MAX)
      throw new RangeError(`a map of ${entries.length} entries`);
    const required = entries.filter(({ presence }) => presence !== 'optional').length;
    const hasOptional = required < entries.length;
    if (!hasOptional) this.#stretch.add(map(required));
    const head = hasOptional ? this.#place(1) : undefined;
    const fields = entries.map((entry) => [entry.name, this.#entry(entry)] as const);
    const write = Object.fromEntries(fields.map(([name, field]) => [name, field.write]));
    const read = Object.fromEntries(fields.map(([name, field]) => [name, field.read]));
    if (head === undefined) {
      return { write: writing.object(access, write), read: reading.object(access, read) };
    }
    const { begins, offset } = head;
    return {
      write: writing.objectWithOptional(access, write, begins, offset, required),
      read: reading.objectWithOptional(access, read, begins, offset, required),
    };
  }

  #entry({ name, shape, presence, listFault }: EntryShape): Field {
    if (presence !== 'optional') {
      this.#stretch.add(text(name));
      return presence === 'repeated' ? this.#list(shape, listFault) : this.#value(shape);
    }
    this.#varies = true;
    this.end();
    const key = this.#stretch;
    key.add(text(name));
    const { write, read } = this.#value(shape);
    this.end();
    return { write: writing.optional(write), read: reading.optional(key, read) };
  }

  #value(shape: Shape): Field {
    if (shape.is === 'map') return this.map(shape);
    if (shape.is === 'number') {
      const begins = this.#vary();
      return { write: writing.number(begins, shape.max), read: reading.number(begins, shape.max) };
    }
    if (shape.is === 'integer' && shape.signed) {
      const { begins, offset } = this.#place(9);
      return { write: writing.signed(begins, offset), read: reading.signed(begins, offset) };
    }
    if (shape.is === 'integer') {
      const { begins, offset } = this.#place(8, [UINT64]);
      return { write: writing.unsigned(begins, offset), read: reading.unsigned(begins, offset) };
    }
    const { length } = shape;
    if (length === undefined) {
      const begins = this.#vary();
      return { write: writing.bytes(begins), read: reading.bytes(begins) };
    }
    const { begins, offset } = this.#place(length, byteString(length));
    return { write: writing.fixedBytes(begins, offset, length), read: reading.fixedBytes(begins, offset, length) };
  }

  #list(shape: Shape, listFault: EntryShape['listFault']): Field {
    const begins = this.#vary();
    if (shape.is === 'bytes' && shape.length === undefined && listFault === undefined) {
      return { write: writing.bytesList(begins), read: reading.bytesList(begins) };
    }
    if (shape.is !== 'map') throw new RangeError('the items of a list are maps, or byte strings of any length');
    const items = new Compiler();
    const { write, read } = items.map(shape);
    items.end();
    const field = { write: writing.list(begins, write, listFault), read: reading.list(begins, read, listFault) };
    if (items.#varies) return field;
    // Items of one length: their stretches are copied together, not each by the first writer in it.
    const copied = new Compiler();
    copied.#stretch.begin();
    const item = copied.map(shape);
    return { ...field, write: writing.fixedList(begins, item.write, listFault, copied.end()) };
  }

  /**
   * Adds `head` and a place of `length` bytes. Returns the place's offset, and the stretch if this
   * is its first place.
   */
  #place(length: number, head: Piece = []): { begins: Stretch | undefined; offset: number } {
    this.#stretch.add(head);
    const offset = this.#stretch.length;
    this.#stretch.add({ place: length });
    return { begins: this.#stretch.begin(), offset };
  }

  /**
   * Ends the stretch before a value of variable length. Returns it if no place of it was used yet.
   */
  #vary(): Stretch | undefined {
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
