/**
 * Messages as tables of fields. The same table defines how a message is encoded, decoded, checked,
 * and converted to and from CBOR, so these cannot disagree. Decoding converts the library's result
 * (parse.ts) by the same table.
 *
 * The encoding is the canonical one of the original at 11419398f
 * (sei-tendermint/internal/hashable), which is hashed: fields in ascending order, absent ones left
 * out, also in nested messages. The original stores and sends exactly these bytes, so there is no
 * other encoding here.
 */
import type { DescMessage, Message as Generated } from '@bufbuild/protobuf';
import { type Access, accessByName, type EntryShape, type MapShape } from '../../cbor/shape.js';
import { type Field, fieldSize, type ListFault, pathInField, required, type Table, writeField } from './fields.js';
import { inside, Malformed, wrongType } from './malformed.js';
import { refuseUnknown } from './parse.js';
import type { Kind } from './scalars.js';
import { LENGTH_DELIMITED, tagOf, type Writer } from './wire.js';

interface Row extends Field<unknown> {
  readonly name: string;
  /** The name of the property in the generated message. */
  readonly generated: string;
  readonly tag: number;
}

type Properties = Record<string, unknown>;

/** A message: a {@link Kind} made of fields. */
export class Message<T extends object> implements Kind<T> {
  readonly wire = LENGTH_DELIMITED;
  /** The library's description of the message. */
  readonly desc: DescMessage;
  readonly rows: readonly Row[];
  readonly shape: MapShape | undefined;

  /**
   * @throws RangeError if the rows of the table do not ascend, or if `desc` lacks one of its
   * fields.
   */
  constructor(
    desc: DescMessage,
    table: Table<T>,
    access: Access<T> = accessByName<T>(Object.keys(table) as (keyof T)[]),
  ) {
    this.desc = desc;
    this.rows = Object.entries<Field<unknown>>(table).map(([name, field]) => ({
      ...field,
      name,
      generated: generatedName(desc, field.number),
      tag: tagOf(field.number, field.kind.wire),
    }));
    let last = 0;
    for (const { name, number } of this.rows) {
      if (number <= last) throw new RangeError(`field ${name} is out of order`);
      last = number;
    }
    this.shape = shapeOf(this.rows, access as MapShape['access']);
  }

  check(value: unknown): void {
    const object = asObject(value);
    for (const row of this.rows) {
      const held = object[row.name];
      if (held !== undefined) checkRow(row, held);
      else if (row.presence !== 'optional') throw at(row, 'is absent');
    }
  }

  size(value: T): number {
    let size = 0;
    for (const { name, kind, presence } of this.rows) {
      const held = (value as Properties)[name];
      if (presence === 'repeated') for (const item of held as unknown[]) size += fieldSize(kind, item);
      else if (held !== undefined) size += fieldSize(kind, held);
    }
    return size;
  }

  write(to: Writer, value: T): void {
    for (let i = this.rows.length - 1; i >= 0; i--) {
      const { name, kind, presence, tag } = this.rows[i] as Row;
      const held = (value as Properties)[name];
      if (presence === 'repeated') {
        const list = held as unknown[];
        for (let j = list.length - 1; j >= 0; j--) writeField(to, tag, kind, list[j]);
      } else if (held !== undefined) writeField(to, tag, kind, held);
    }
  }

  pathAt(value: T, offset: number): string {
    let rest = offset;
    for (const { name, kind, presence } of this.rows) {
      const held = (value as Properties)[name];
      const items = presence === 'repeated' ? (held as unknown[]) : held === undefined ? [] : [held];
      for (const [i, item] of items.entries()) {
        const size = fieldSize(kind, item);
        if (rest < size) return `.${name}${presence === 'repeated' ? `[${i}]` : ''}${pathInField(kind, item, rest)}`;
        rest -= size;
      }
    }
    return '';
  }

  fromMessage(message: unknown): T {
    refuseUnknown(message as Generated);
    const value: Properties = {};
    for (const row of this.rows) {
      const held = (message as Properties)[row.generated];
      if (held !== undefined) value[row.name] = visit(row, held, messageOfOne);
      else if (row.presence !== 'optional') throw at(row, 'is absent');
    }
    return value as T;
  }

  toBody(value: T): Properties {
    const body: Properties = {};
    for (const { name, kind, presence } of this.rows) {
      const held = (value as Properties)[name];
      if (presence === 'repeated') body[name] = (held as unknown[]).map((item) => kind.toBody(item));
      else if (held !== undefined) body[name] = kind.toBody(held);
    }
    return body;
  }

  fromBody(body: unknown): T {
    // Decoded in place, because body and value have the same structure: halves the garbage of a
    // restart.
    const object = asObject(body);
    let taken = 0;
    for (const row of this.rows) {
      const held = object[row.name];
      if (held !== undefined) {
        const read = fromBodyRow(row, held);
        if (read !== held) object[row.name] = read;
        taken++;
      } else if (row.presence !== 'optional') throw at(row, 'is absent');
    }
    const keys = Object.keys(object);
    if (keys.length > taken) throw new Malformed(`has the unknown key ${JSON.stringify(this.#unknown(keys, object))}`);
    return object as T;
  }

  /** A key without a row. A key of a row counts, too, if its value is `undefined`. */
  #unknown(keys: string[], object: Properties): string | undefined {
    return keys.find((key) => object[key] === undefined || !this.rows.some((row) => row.name === key))?.slice(0, 64);
  }
}

function shapeOf(rows: readonly Row[], access: MapShape['access']): MapShape | undefined {
  const entries: EntryShape[] = [];
  for (const { name, kind, presence, listFault } of rows) {
    if (kind.shape === undefined) return undefined;
    entries.push({ name, shape: kind.shape, presence, listFault });
  }
  return { is: 'map', entries, access };
}

/**
 * The kind of a message with a single field `name`, represented by the field's value. The original
 * wraps every public key in such a message; callers would gain nothing from `{ key: { ed25519: … }
 * }`.
 */
export function unwrapped<T>(desc: DescMessage, number: number, name: string, kind: Kind<T>): Kind<T> {
  const message = new Message<Record<string, T>>(desc, { [name]: required(number, kind) });
  return {
    ...kind,
    wire: LENGTH_DELIMITED,
    size: (value) => fieldSize(kind, value),
    write: (to, value) => writeField(to, tagOf(number, kind.wire), kind, value),
    fromMessage: (held) => message.fromMessage(held)[name] as T,
  };
}

const messageOfOne = ({ kind }: Row, item: unknown): unknown => kind.fromMessage(item);

/**
 * Checks the value of a row. Separate from {@link visit}, because this is on the path to durability
 * and needs no results.
 */
function checkRow({ name, kind, presence, listFault }: Row, held: unknown): void {
  let index = -1;
  try {
    if (presence === 'repeated') {
      if (!Array.isArray(held)) throw wrongType(held, 'an array');
      for (index = 0; index < held.length; index++) kind.check(held[index]);
      index = -1;
      refuseList(listFault, held as never[]);
    } else {
      kind.check(held);
    }
  } catch (error) {
    throw inside(index < 0 ? `.${name}` : `.${name}[${index}]`, error);
  }
}

/** Reads the value of a row in a body. A list is converted in place. */
function fromBodyRow({ name, kind, presence, listFault }: Row, held: unknown): unknown {
  let index = -1;
  try {
    if (presence !== 'repeated') return kind.fromBody(held);
    if (!Array.isArray(held)) throw wrongType(held, 'an array');
    for (index = 0; index < held.length; index++) held[index] = kind.fromBody(held[index]);
    index = -1;
    refuseList(listFault, held as never[]);
    return held;
  } catch (error) {
    throw inside(index < 0 ? `.${name}` : `.${name}[${index}]`, error);
  }
}

/** Applies `each` to the value of a row, or to every item if it is a list. */
function visit(row: Row, held: unknown, each: (row: Row, item: unknown) => unknown): unknown {
  let index = -1;
  try {
    if (row.presence !== 'repeated') return each(row, held);
    if (!Array.isArray(held)) throw wrongType(held, 'an array');
    const results: unknown[] = [];
    for (index = 0; index < held.length; index++) results.push(each(row, held[index]));
    index = -1;
    refuseList(row.listFault, results as never[]);
    return results;
  } catch (error) {
    throw inside(index < 0 ? `.${row.name}` : `.${row.name}[${index}]`, error);
  }
}

function refuseList(listFault: ListFault<never> | undefined, list: readonly never[]): void {
  const fault = listFault?.(list);
  if (fault !== undefined) throw fault;
}

function generatedName(desc: DescMessage, number: number): string {
  const field = desc.fields.find((candidate) => candidate.number === number);
  if (field === undefined) throw new RangeError(`${desc.typeName} has no field ${number}`);
  return field.localName;
}

function asObject(value: unknown): Properties {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrongType(value, 'an object');
  return value as Properties;
}

function at(row: Row, problem: string): Malformed {
  return inside(`.${row.name}`, new Malformed(problem)) as Malformed;
}
