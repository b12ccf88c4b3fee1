/** A message with exactly one of several fields; the field determines the kind of the value. */
import type { DescMessage, Message as Generated } from '@bufbuild/protobuf';
import { type Encoding, fieldEncoding, oneOfEncoding } from './encoding.js';
import { type Content, single, wrapped } from './fields.js';
import { inside, Malformed, wrongType } from './malformed.js';
import { refuseUnknown } from './parse.js';
import type { Kind, Source } from './scalars.js';
import { LENGTH_DELIMITED, tagOf } from './wire.js';

/** A value and the name of its field. */
interface Tagged {
  readonly kind: string;
  readonly value: unknown;
}

/** The field number and the kind of value for each `kind` of `T`. */
export type Cases<T extends Tagged> = {
  readonly [K in T['kind']]: readonly [number: number, value: Kind<Extract<T, { kind: K }>['value']>];
};

interface Case {
  readonly name: string;
  readonly tag: number;
  // biome-ignore lint/suspicious/noExplicitAny: cases of different kinds stand in one list
  readonly value: Kind<any>;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly content: Content<any>;
}

/** A {@link Kind} for a union of `{ kind, value }`. */
export class OneOf<T extends Tagged> implements Kind<T> {
  readonly wire = LENGTH_DELIMITED;
  readonly cases: ReadonlyMap<string, Case>;
  readonly encoding: Encoding;
  /** The name of the property in the generated message. */
  readonly #generated: string;

  /** @throws RangeError if `desc` is not a message with a single `oneof`. */
  constructor(desc: DescMessage, cases: Cases<T>) {
    this.cases = new Map(
      Object.entries<readonly [number, Kind<unknown>]>(cases).map(([name, [number, value]]) => {
        const tag = tagOf(number, LENGTH_DELIMITED);
        return [name, { name, value, tag, content: single(value) }];
      }),
    );
    const fields = [...this.cases].map(
      ([name, { tag, value }]) => [name, fieldEncoding('value', tag, LENGTH_DELIMITED, value.encoding)] as const,
    );
    this.encoding = oneOfEncoding(new Map(fields));
    const [oneof, ...others] = desc.oneofs;
    if (oneof === undefined || others.length > 0) throw new RangeError(`${desc.typeName} is not of one oneof`);
    this.#generated = oneof.localName;
  }

  readonly check = (value: unknown): void => {
    const { field, held } = this.#open(value);
    try {
      field.value.check(held);
    } catch (error) {
      throw inside(`.${field.name}`, error);
    }
  };

  readonly size = ({ kind, value }: T): number => {
    return this.#case(kind).content.size(value);
  };

  readonly pathAt = ({ kind, value }: T, offset: number): string => {
    return `.${kind}${this.#case(kind).content.pathAt(value, offset)}`;
  };

  readonly reader = (source: Source): ((from: unknown) => T) => {
    const reads = new Map([...this.cases].map(([name, { value }]) => [name, value.reader(source)]));
    return (from) => {
      const { field, held } = source === 'message' ? this.#caseOf(from) : this.#open(from);
      if (source === 'body' && Object.keys(from as object).length > 2)
        throw new Malformed('has other keys than kind and value');
      try {
        return { kind: field.name, value: reads.get(field.name)!(held) } as T;
      } catch (error) {
        throw inside(`.${field.name}`, error);
      }
    };
  };

  /**
   * A kind that accepts only the case `kind`; another case is refused, with its name in the
   * message.
   */
  only<K extends T['kind']>(kind: K): Kind<Extract<T, { kind: K }>['value']> {
    const { name, tag, value } = this.#case(kind);
    return wrapped(tag, value, (message, read) => {
      const { field, held } = this.#caseOf(message);
      if (field.name !== name) throw new Malformed(`is a ${field.name}, must be a ${name}`);
      return read(held);
    });
  }

  #case(kind: string): Case {
    return this.cases.get(kind) as Case;
  }

  /** The case of a generated message, and its value. */
  #caseOf(message: unknown): { field: Case; held: unknown } {
    refuseUnknown(message as Generated);
    const { case: name, value } =
      (message as Record<string, { case?: string; value?: unknown }>)[this.#generated] ?? {};
    if (name === undefined) throw new Malformed('is empty');
    return { field: this.#case(name), held: value };
  }

  #open(value: unknown): { field: Case; held: unknown } {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrongType(value, 'an object');
    const { kind, value: held } = value as Partial<Tagged>;
    if (kind === undefined || held === undefined) throw new Malformed('must have a kind and a value');
    if (typeof kind !== 'string') throw inside('.kind', wrongType(kind, 'a string'));
    const field = this.cases.get(kind);
    if (field === undefined) throw new Malformed(`has the unknown kind ${JSON.stringify(kind.slice(0, 64))}`);
    return { field, held };
  }
}
