/** The option checks: accepted values, refused values, and messages. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  boolean,
  byteArray,
  byteCount,
  type Check,
  callback,
  count,
  fields,
  oneOf,
  orBoolean,
  required,
  string,
  uint64,
  wholeNumber,
  withMethods,
} from '../../src/base/options.js';
import { LanestoreError } from '../../src/errors.js';

const test = suite('checks of options');

interface Inner {
  readonly on?: boolean;
}

interface Outer {
  readonly name: string;
  readonly inner?: Inner;
  readonly size?: number | undefined;
}

const check = fields<Outer>({
  name: required(string),
  inner: fields<Inner>({ on: boolean }),
  size: wholeNumber(1, 9, 'of bytes'),
});

function saying(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof LanestoreError) return `${error.code}: ${error.message}`;
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
  return 'accepted';
}

for (const [value, says] of [
  [{ name: 'x' }, 'accepted'],
  [{ name: 'x', inner: undefined, size: undefined }, 'accepted'],
  [{ name: 'x', inner: {}, size: 9 }, 'accepted'],
  [Object.assign(Object.create(null), { name: 'x' }), 'accepted'],
  [Object.create({ name: 'x', size: 3 }), 'accepted'],
  [{}, 'TypeError: f: options.name is missing'],
  [{ name: undefined }, 'TypeError: f: options.name is missing'],
  [{ name: null }, 'TypeError: f: options.name must be a string, got null'],
  [{ name: 'x', sise: 3 }, 'TypeError: f: options.sise is unknown; known are name, inner, size'],
  [Object.create({ name: 'x', sise: 3 }), 'TypeError: f: options.sise is unknown; known are name, inner, size'],
  [{ name: 'x', constructor: 3 }, 'TypeError: f: options.constructor is unknown; known are name, inner, size'],
  [{ name: 'x', inner: { of: true } }, 'TypeError: f: options.inner.of is unknown; known are on'],
  [{ name: 'x', inner: { on: 'true' } }, 'TypeError: f: options.inner.on must be a boolean, got a string'],
  [{ name: 'x', inner: [] }, 'TypeError: f: options.inner must be an object, got an array'],
  [{ name: 'x', size: '3' }, 'TypeError: f: options.size must be a number, got a string'],
  [{ name: 'x', size: 10 }, 'LANESTORE_INVALID: f: options.size must be a whole number of bytes from 1 to 9, got 10'],
  [undefined, 'TypeError: f: options must be an object, got undefined'],
  [null, 'TypeError: f: options must be an object, got null'],
  [5n, 'TypeError: f: options must be an object, got a bigint'],
  [() => ({ name: 'x' }), 'TypeError: f: options must be an object, got a function'],
  [[{ name: 'x' }], 'TypeError: f: options must be an object, got an array'],
  [new Map([['name', 'x']]), 'TypeError: f: options must be an object, got a Map'],
  [new ArrayBuffer(1), 'TypeError: f: options must be an object, got an ArrayBuffer'],
  [Promise.resolve({ name: 'x' }), 'TypeError: f: options must be an object, got a promise: await it'],
] as [unknown, string][]) {
  test(`fields: ${says}: ${typeof value === 'bigint' ? 'a bigint' : JSON.stringify(value)}`, () => {
    assert.is(
      saying(() => check(value, 'f: options')),
      says,
    );
  });
}

test('fields: an object of a class, by its fields and by its getters', () => {
  class Options {
    constructor(readonly name: unknown) {}
    get size() {
      return 'much';
    }
  }
  assert.is(
    saying(() => check(new Options(1), 'f')),
    'TypeError: f.name must be a string, got a number',
  );
  assert.is(
    saying(() => check(new Options('x'), 'f')),
    'TypeError: f.size must be a number, got a string',
  );
  class Query {
    readonly name = 'x';
    // biome-ignore lint/suspicious/noThenProperty: what can be awaited need not be a Promise
    then() {}
  }
  assert.is(
    saying(() => check(new Query(), 'f')),
    'TypeError: f must be an object, got a promise: await it',
  );
});

const TABLE: readonly [string, Check<unknown>, taken: unknown[], mistyped: unknown[], outOfRange: unknown[]][] = [
  ['boolean', boolean, [true, false], [0, 'false', null, undefined], []],
  ['string', string, ['', 'x'], [1, null, ['x']], []],
  [
    'byteArray',
    byteArray,
    [new Uint8Array(), Buffer.alloc(1)],
    [[1], 'x', new ArrayBuffer(1), new DataView(new ArrayBuffer(1))],
    [],
  ],
  [
    'byteCount',
    byteCount,
    [1, Number.MAX_SAFE_INTEGER],
    ['1', 1n, null],
    [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53],
  ],
  ['count', count, [1], ['1', 1n], [0, -0, -1, 0.5]],
  ['wholeNumber from 0', wholeNumber(0), [0, 1], ['0', null], [-1, 0.5, Number.NaN]],
  ['uint64', uint64, [0n, 2n ** 64n - 1n], [0, '0', null], [-1n, 2n ** 64n]],
  ['oneOf', oneOf('a', 'b'), ['a', 'b'], [1, null, ['a']], ['c', '', 'toString']],
  ['callback', callback(), [() => 1, class {}], ['f', {}, null], []],
  [
    'withMethods',
    withMethods<{ go(): void }>('a goer', 'go'),
    [{ go() {} }, { go() {}, more: 1 }],
    [{}, { go: 1 }, null, 'x'],
    [],
  ],
  [
    'orBoolean',
    orBoolean(fields<Inner>({ on: boolean })),
    [true, false, {}, { on: true }],
    [1, null, 'true', [], { of: 1 }],
    [],
  ],
];

for (const [name, check, taken, mistyped, outOfRange] of TABLE) {
  test(`${name}: accepts and returns valid values; TypeError for types, LANESTORE_INVALID for ranges`, () => {
    for (const value of taken) assert.is(check(value, 'x'), value);
    for (const value of mistyped)
      assert.match(
        saying(() => check(value, 'a.b')),
        /^TypeError: a\.b/,
      );
    for (const value of outOfRange)
      assert.match(
        saying(() => check(value, 'a.b')),
        /^LANESTORE_INVALID: a\.b must be /,
      );
  });
}

test.run();
