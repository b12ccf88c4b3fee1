/**
 * Messages as tables of fields. The same table defines how a message is encoded, decoded, checked,
 * and converted to and from CBOR, so these cannot disagree. Decoding reads the library's result
 * (parse.ts) by the same table. Code that encodes a message instead (code.ts) is compared with its
 * table by a test.
 *
 * The encoding is the canonical one of the original at 11419398f
 * (sei-tendermint/internal/hashable), which is hashed: fields in ascending order, absent ones left
 * out, also in nested messages. The original stores and sends exactly these bytes, so there is no
 * other encoding here.
 */
import type { DescMessage } from '@bufbuild/protobuf';
import { type Access, accessByName, type EntryShape, type MapShape, type Shape } from '../../cbor/shape.js';
import { type Encoding, type FieldEncoding, fieldEncoding, messageEncoding, type WriteCode } from './encoding.js';
import { type Content, type Field, list, required, single, type Table, wrapped } from './fields.js';
import { inside, Malformed, wrongType } from './malformed.js';
import { refuseUnknown } from './parse.js';
import type { Kind, Source } from './scalars.js';
import { LENGTH_DELIMITED, tagOf } from './wire.js';

interface Row extends Field<unknown> {
  readonly name: string;
  /** The name of the property in the generated message. */
  readonly generated: string;
  readonly tag: number;
  readonly shape: Shape | undefined;
  // biome-ignore lint/suspicious/noExplicitAny: as for the kind
  readonly content: Content<any>;
}

type Properties = Record<string, unknown>;

/** A message: a {@link Kind} made of fields. */
export class Message<T extends object> implements Kind<T> {
  readonly wire = LENGTH_DELIMITED;
  /** The library's description of the message. */
  readonly desc: DescMessage;
  readonly rows: readonly Row[];
  readonly shape?: MapShape;
  readonly encoding: Encoding;
  readonly check: (value: unknown) => void;

  /**
   * @throws RangeError if the rows of the table do not ascend, or if `desc` lacks one of its
   * fields.
   */
  constructor(
    desc: DescMessage,
    table: Table<T>,
    access: Access<T> = accessByName<T>(Object.keys(table) as (keyof T)[]),
    write?: WriteCode,
  ) {
    this.desc = desc;
    this.rows = Object.entries<Field<unknown>>(table).map(([name, field]) => {
      const { number, kind, presence, listFault } = field;
      const tag = tagOf(number, kind.wire);
      const content = presence === 'repeated' ? list(kind, listFault) : single(kind);
      return { ...field, name, generated: generatedName(desc, number), tag, shape: kind.shape, content };
    });
    let last = 0;
    for (const { name, number } of this.rows) {
      if (number <= last) throw new RangeError(`field ${name} is out of order`);
      last = number;
    }
    this.check = checkOf(this.rows);
    this.encoding = messageEncoding(this.rows.map(encodingOf), write);
    if (this.rows.every(hasShape)) this.shape = { is: 'map', entries: this.rows, access: access as MapShape['access'] };
  }

  readonly size = (value: T): number => {
    let size = 0;
    for (const { name, content } of this.rows) {
      const held = (value as Properties)[name];
      if (held !== undefined) size += content.size(held);
    }
    return size;
  };

  readonly pathAt = (value: T, offset: number): string => {
    let rest = offset;
    for (const { name, content } of this.rows) {
      const held = (value as Properties)[name];
      if (held === undefined) continue;
      const size = content.size(held);
      if (rest < size) return `.${name}${content.pathAt(held, rest)}`;
      rest -= size;
    }
    return '';
  };

  readonly reader = (source: Source): ((held: unknown) => T) => {
    const isMessage = source === 'message';
    const names = this.rows.map(({ name }) => name);
    const reads = this.rows.map((row) =>
      onField(row, isMessage ? row.generated : row.name, row.content.reader(source)),
    );
    return (held) => {
      // The library's messages are objects; only other values need the check.
      const object = isMessage ? (held as Properties) : asObject(held);
      if (isMessage) refuseUnknown(object);
      const value: Properties = {};
      let taken = 0;
      for (let i = 0; i < reads.length; i++) {
        const result = reads[i]!(object);
        if (result === undefined) continue;
        value[names[i]!] = result;
        taken++;
      }
      if (source === 'body') this.#refuseKeys(object, taken);
      return value as T;
    };
  };

  /**
   * Refuses a key without a row, and a key whose value is `undefined`. `taken` is the number of all
   * other keys.
   */
  #refuseKeys(object: Properties, taken: number): void {
    const keys = Object.keys(object);
    if (keys.length <= taken) return;
    const unknown = keys.find((key) => object[key] === undefined || !this.rows.some((row) => row.name === key));
    throw new Malformed(`has the unknown key ${JSON.stringify(unknown?.slice(0, 64))}`);
  }
}

const hasShape = (row: Row): row is Row & EntryShape => row.shape !== undefined;

function encodingOf({ name, tag, presence, kind, listFault }: Row): FieldEncoding {
  return { ...fieldEncoding(name, tag, kind.wire, kind.encoding), presence, listFault };
}

/** Compiles the check of all rows, in their order. */
function checkOf(rows: readonly Row[]): (value: unknown) => void {
  const checks = rows.map((row) => onField(row, row.name, row.content.check));
  return (value) => {
    const object = asObject(value);
    for (let i = 0; i < checks.length; i++) checks[i]!(object);
  };
}

/** Applies `work` to the property `key` of an object; undefined if it is optional and absent. */
function onField<R>(
  { name, presence }: Row,
  key: string,
  work: (held: unknown) => R,
): (object: Properties) => R | undefined {
  const isOptional = presence === 'optional';
  return (object) => {
    const held = object[key];
    try {
      if (held !== undefined) return work(held);
      if (isOptional) return undefined;
      throw new Malformed('is absent');
    } catch (error) {
      throw inside(`.${name}`, error);
    }
  };
}

/**
 * The kind of a message with a single field `name`, represented by the field's value. The original
 * wraps every public key in such a message, but `{ key: { ed25519: … } }` would be of no use to
 * callers.
 */
export function unwrapped<T>(desc: DescMessage, number: number, name: string, kind: Kind<T>): Kind<T> {
  const read = new Message<Record<string, T>>(desc, { [name]: required(number, kind) }).reader('message');
  return wrapped(tagOf(number, kind.wire), kind, (message) => read(message)[name] as T);
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
