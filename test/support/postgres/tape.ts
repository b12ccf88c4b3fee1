/** As much of tape as abstract-level's published suite uses, over a suite of uvu. */
import * as assert from 'node:assert';

type Body = (t: Tape) => unknown;

/** The `test` that the published suite calls, and what it counted. */
export interface TapeSuite {
  (name: string, ...rest: unknown[]): void;
  skip(): void;
}

/** Assertions that held, of all tests. */
export const counted = { assertions: 0 };

/** Registers every test of the published suite with `register`. */
export function tapeOver(register: (name: string, body: () => Promise<void>) => void): TapeSuite {
  const test = (name: string, ...rest: unknown[]) => {
    const body = rest.at(-1) as Body;
    register(name, () => new Tape().run(body));
  };
  return Object.assign(test, { skip: () => undefined });
}

class Tape {
  readonly #subtests: Body[] = [];
  #planned: number | undefined;
  #count = 0;
  #isEnded = false;
  #failure: unknown;
  #wake: () => void = () => undefined;

  async run(body: Body): Promise<void> {
    const result = body(this);
    const isPromise = result instanceof Promise;
    await result;
    for (const subtest of this.#subtests) {
      await new Tape().run(subtest);
      this.#counted();
    }
    const isDone = () =>
      this.#failure !== undefined ||
      (this.#planned === undefined
        ? isPromise || this.#isEnded || this.#subtests.length > 0
        : this.#count >= this.#planned);
    while (!isDone()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    if (this.#failure !== undefined) throw this.#failure;
    if (this.#planned !== undefined) assert.equal(this.#count, this.#planned, 'assertions as planned');
  }

  plan(count: number): void {
    this.#planned = count;
  }

  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  test(_name: string, body: Body): void {
    this.#subtests.push(body);
  }

  is(actual: unknown, expected: unknown, message?: string): void {
    this.#check(() => assert.strictEqual(actual, expected, message));
  }

  isNot(actual: unknown, expected: unknown, message?: string): void {
    this.#check(() => assert.notStrictEqual(actual, expected, message));
  }

  same(actual: unknown, expected: unknown): void {
    this.#check(() => assert.deepStrictEqual(actual, expected));
  }

  ok(value: unknown, message?: string): void {
    this.#check(() => assert.ok(value, message));
  }

  pass(): void {
    this.#counted();
  }

  fail(message?: unknown): void {
    this.#check(() => assert.fail(String(message)));
  }

  throws(body: () => unknown, expected?: RegExp | ((error: unknown) => boolean)): void {
    this.#check(() => (expected === undefined ? assert.throws(body) : assert.throws(body, expected)));
  }

  doesNotThrow(body: () => unknown): void {
    this.#check(() => assert.doesNotThrow(body));
  }

  /** A failure is thrown at the end too: the suite may call from where nothing catches. */
  #check(assertion: () => void): void {
    try {
      assertion();
    } catch (error) {
      this.#failure ??= error;
    }
    this.#counted();
  }

  #counted(): void {
    this.#count++;
    counted.assertions++;
    this.#wake();
  }
}
