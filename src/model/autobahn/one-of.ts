/** A message that holds exactly one of several fields; which one says what it is. */
import type { DescMessage, Message as Generated } from '@bufbuild/protobuf';
import { fieldSize, pathInField, writeField } from './fields.js';
import { inside, Malformed, wrongType } from './malformed.js';
import { refuseUnknown } from './parse.js';
import type { Kind } from './scalars.js';
import { LENGTH_DELIMITED, tagOf, type Writer } from './wire.js';

/** A value, and which of the fields it is. */
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
    this.cases = new Map(all.map((one) => [one.name, one]));
    const [oneof, ...others] = desc.oneofs;
    if (oneof === undefined || others.length > 0) throw new RangeError(`${desc.typeName} is not of one oneof`);
    this.#generated = oneof.localName;
  }

  check(value: unknown): void {
    const { one, held } = this.#open(value);
    try {
      one.value.check(held);
    } catch (error) {
      throw inside(`.${one.name}`, error);
    }
  }

  size({ kind, value }: T): number {
    return fieldSize(this.#case(kind).value, value);
  }

  write(to: Writer, { kind, value }: T): void {
    const one = this.#case(kind);
    writeField(to, one.tag, one.value, value);
  }

  pathAt({ kind, value }: T, offset: number): string {
    return `.${kind}${pathInField(this.#case(kind).value, value, offset)}`;
  }

  fromMessage(message: unknown): T {
    const { one, held } = this.#caseOf(message);
    try {
      return { kind: one.name, value: one.value.fromMessage(held) } as T;
    } catch (error) {
      throw inside(`.${one.name}`, error);
    }
  }

  toBody({ kind, value }: T): object {
    return { kind, value: this.#case(kind).value.toBody(value) };
  }

  fromBody(body: unknown): T {
    const { one, held } = this.#open(body);
    if (Object.keys(body as object).length > 2) throw new Malformed('has keys beside kind and value');
    try {
      return { kind: one.name, value: one.value.fromBody(held) } as T;
    } catch (error) {
      throw inside(`.${one.name}`, error);
    }
  }

  /** The values of one case only; any other is refused, by its name. */
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
        const { one, held } = this.#caseOf(message);
        if (one.name !== name) throw new Malformed(`is a ${one.name}, must be a ${name}`);
        return inner.fromMessage(held);
      },
    };
  }

  #case(kind: string): Case {
    return this.cases.get(kind) as Case;
  }

  /** Which case a generated message is, and what it holds. */
  #caseOf(message: unknown): { one: Case; held: unknown } {
    refuseUnknown(message as Generated);
    const { case: name, value } =
      (message as Record<string, { case?: string; value?: unknown }>)[this.#generated] ?? {};
    if (name === undefined) throw new Malformed('is empty');
    return { one: this.#case(name), held: value };
  }

  #open(value: unknown): { one: Case; held: unknown } {
    if (typeof value !== 'object' || value === null) throw wrongType(value, 'an object');
    const { kind, value: held } = value as Partial<Tagged>;
    if (kind === undefined || held === undefined) throw new Malformed('must have a kind and a value');
    if (typeof kind !== 'string') throw inside('.kind', wrongType(kind, 'a string'));
    const one = this.cases.get(kind);
    if (one === undefined) throw new Malformed(`has the unknown kind ${JSON.stringify(kind.slice(0, 64))}`);
    return { one, held };
  }
}

/** The parts of a kind that a wrapper passes on. They use `this`, which spreading an instance would lose. */
function delegate<T>(kind: Kind<T>): Pick<Kind<T>, 'check' | 'toBody' | 'fromBody'> {
  return {
    check: (value) => kind.check(value),
    toBody: (value) => kind.toBody(value),
    fromBody: (body) => kind.fromBody(body),
  };
}
