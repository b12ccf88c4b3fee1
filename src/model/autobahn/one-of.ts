/** A message with exactly one of several fields; the field determines the kind of the value. */
import type { DescMessage, Message as Generated } from '@bufbuild/protobuf';
import { fieldSize, pathInField, writeField } from './fields.js';
import { inside, Malformed, wrongType } from './malformed.js';
import { refuseUnknown } from './parse.js';
import type { Kind } from './scalars.js';
import { LENGTH_DELIMITED, tagOf, type Writer } from './wire.js';

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
}

/** A {@link Kind} for a union of `{ kind, value }`. */
export class OneOf<T extends Tagged> implements Kind<T> {
  readonly wire = LENGTH_DELIMITED;
  readonly cases: ReadonlyMap<string, Case>;
  /** The name of the property in the generated message. */
  readonly #generated: string;

  /** @throws RangeError if `desc` is not of one `oneof`. */
  constructor(desc: DescMessage, cases: Cases<T>) {
    const all = Object.entries<readonly [number, Kind<unknown>]>(cases).map(([name, [number, value]]) => ({
      name,
      value,
      tag: tagOf(number, LENGTH_DELIMITED),
    }));
    this.cases = new Map(all.map((field) => [field.name, field]));
    const [oneof, ...others] = desc.oneofs;
    if (oneof === undefined || others.length > 0) throw new RangeError(`${desc.typeName} is not of one oneof`);
    this.#generated = oneof.localName;
  }

  check(value: unknown): void {
    const { field, held } = this.#open(value);
    try {
      field.value.check(held);
    } catch (error) {
      throw inside(`.${field.name}`, error);
    }
  }

  size({ kind, value }: T): number {
    return fieldSize(this.#case(kind).value, value);
  }

  write(to: Writer, { kind, value }: T): void {
    const field = this.#case(kind);
    writeField(to, field.tag, field.value, value);
  }

  pathAt({ kind, value }: T, offset: number): string {
    return `.${kind}${pathInField(this.#case(kind).value, value, offset)}`;
  }

  fromMessage(message: unknown): T {
    const { field, held } = this.#caseOf(message);
    try {
      return { kind: field.name, value: field.value.fromMessage(held) } as T;
    } catch (error) {
      throw inside(`.${field.name}`, error);
    }
  }

  toBody({ kind, value }: T): object {
    return { kind, value: this.#case(kind).value.toBody(value) };
  }

  fromBody(body: unknown): T {
    const { field, held } = this.#open(body);
    if (Object.keys(body as object).length > 2) throw new Malformed('has other keys than kind and value');
    try {
      return { kind: field.name, value: field.value.fromBody(held) } as T;
    } catch (error) {
      throw inside(`.${field.name}`, error);
    }
  }

  /**
   * A kind that accepts only the case `kind`; another case is refused, with its name in the
   * message.
   */
  only<K extends T['kind']>(kind: K): Kind<Extract<T, { kind: K }>['value']> {
    const { name, tag, value: inner } = this.#case(kind);
    return {
      ...delegate(inner),
      wire: LENGTH_DELIMITED,
      shape: inner.shape,
      size: (value) => fieldSize(inner, value),
      write: (to, value) => writeField(to, tag, inner, value),
      pathAt: (value, offset) => pathInField(inner, value, offset),
      fromMessage: (message) => {
        const { field, held } = this.#caseOf(message);
        if (field.name !== name) throw new Malformed(`is a ${field.name}, must be a ${name}`);
        return inner.fromMessage(held);
      },
    };
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
    if (typeof value !== 'object' || value === null) throw wrongType(value, 'an object');
    const { kind, value: held } = value as Partial<Tagged>;
    if (kind === undefined || held === undefined) throw new Malformed('must have a kind and a value');
    if (typeof kind !== 'string') throw inside('.kind', wrongType(kind, 'a string'));
    const field = this.cases.get(kind);
    if (field === undefined) throw new Malformed(`has the unknown kind ${JSON.stringify(kind.slice(0, 64))}`);
    return { field, held };
  }
}

/**
 * The methods of a kind that a wrapper delegates. They use `this`, which spreading an instance
 * would lose.
 */
function delegate<T>(kind: Kind<T>): Pick<Kind<T>, 'check' | 'toBody' | 'fromBody'> {
  return {
    check: (value) => kind.check(value),
    toBody: (value) => kind.toBody(value),
    fromBody: (body) => kind.fromBody(body),
  };
}
