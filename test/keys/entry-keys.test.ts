/** The text and the bytes of an entry's key are equal, in whatever order they are requested. */
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { blockKeys, bytesOfKey, EntryKeys } from '../../src/keys/entry-keys.js';
import * as keysRoom from '../../src/keys/index.js';
import { blockKey, commitQCKey } from '../../src/keys/index.js';
import { refusedSync } from '../support/faults.js';

const test = suite('entry keys');

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
const padded = (number: bigint) => number.toString().padStart(20, '0');

/**
 * Small numbers, numbers around multiples of 1,000, and numbers around the limits of a double and
 * of a u64.
 */
const number = fc.oneof(
  fc.bigInt({ min: 0n, max: 3000n }),
  fc.bigInt({ min: 2n ** 53n - 1500n, max: 2n ** 53n + 1500n }),
  fc.bigInt({ min: 2n ** 64n - 1500n, max: 2n ** 64n - 2n }),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 2n }),
);

test('bytes and text are the prefix and twenty digits, after any earlier key', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(number, fc.boolean()), { minLength: 1, maxLength: 40 }), (asked) => {
      const keys = new EntryKeys('lane/0a/', 'block number');
      for (const [one, bytesFirst] of asked) {
        const expected = `lane/0a/${padded(one)}`;
        if (bytesFirst) assert.is(latin1(keys.bytes(one)), expected);
        assert.is(keys.text(one), expected);
        assert.is(latin1(keys.bytes(one)), expected);
        assert.is(keys.length, expected.length);
      }
    }),
    { seed: 20261124 },
  );
});

test('a sequence over the borders of thousands', () => {
  const keys = blockKeys('0b');
  for (const from of [0n, 990n, 999_990n, 2n ** 53n - 10n]) {
    for (let one = from; one < from + 30n; one++) assert.is(latin1(keys.bytes(one)), blockKey('0b', one));
  }
  assert.is(commitQCKey(7n), `qc/${padded(7n)}`);
});

for (const [what, wrong] of [
  ['below zero', -1n],
  ['2^64 - 1', 2n ** 64n - 1n],
  ['2^64', 2n ** 64n],
] as const) {
  test(`a number that no entry has is refused in both forms, and harms nothing: ${what}`, () => {
    const keys = new EntryKeys('qc/', 'road index');
    keys.bytes(5n);
    refusedSync(() => keys.bytes(wrong), 'LANESTORE_INVALID');
    refusedSync(() => keys.text(wrong), 'LANESTORE_INVALID');
    assert.is(latin1(keys.bytes(6n)), `qc/${padded(6n)}`);
  });
}

test('a key that no store would write has its own bytes: a sweep must not delete another one for it', () => {
  for (const key of ['lane/0a/0000000000000000000\u0135', 'anchor', 'anchor2', 'meta/tip']) {
    assert.is(Buffer.from(bytesOfKey(key)).toString('utf8'), key);
  }
});

test('the buffers in which stores build their keys are not exported', () => {
  const room: object = keysRoom;
  for (const name of ['EntryKeys', 'blockKeys', 'commitQCKeys', 'bytesOfKey']) assert.not(name in room, name);
  const own = (bytes: Uint8Array) => assert.is(bytes.buffer.byteLength, bytes.length);
  own(blockKeys('0c').bytes(1n));
  own(blockKeys('0c').bytes(2n ** 60n));
  own(bytesOfKey('anchor'));
});

test.run();
