/** Quorums and membership. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Committee, faulty, laneQuorum, quorum } from '../../src/model/autobahn/index.js';
import { refuses } from './refuses.js';

const test = suite('committee');

const key = (byte: number): Uint8Array => new Uint8Array(32).fill(byte);

for (const [n, f, lane, all] of [
  [1, 0, 1, 1],
  [2, 0, 1, 2],
  [3, 0, 1, 3],
  [4, 1, 2, 3],
  [5, 1, 2, 4],
  [6, 1, 2, 5],
  [7, 2, 3, 5],
  [20, 6, 7, 14],
  [100, 33, 34, 67],
] as const) {
  test(`${n} validators: f = ${f}, lane quorum ${lane}, quorum ${all}`, () => {
    assert.is(faulty(n), f);
    assert.is(laneQuorum(n), lane);
    assert.is(quorum(n), all);
    const committee = new Committee(Array.from({ length: n }, (_, i) => key(i)));
    assert.is(committee.size, n);
    assert.is(committee.laneQuorum, lane);
    assert.is(committee.quorum, all);
  });
}

test('two quorums share an honest validator, for every size up to 200', () => {
  for (let n = 1; n <= 200; n++) {
    assert.ok(2 * quorum(n) - n > faulty(n));
    assert.ok(laneQuorum(n) > faulty(n));
    assert.ok(n - faulty(n) >= quorum(n), 'the honest validators suffice');
  }
});

test('any size except a positive integer is refused', () => {
  for (const n of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
    assert.throws(() => quorum(n), /positive integer/);
});

test('keys are accepted in any order and kept ascending, as copies', () => {
  const mine = key(9);
  const committee = new Committee([mine, key(1), Buffer.from(key(5))]);
  assert.equal(committee.keys, [key(1), key(5), key(9)]);
  mine.fill(0);
  assert.ok(committee.has(key(9)));
  assert.not.ok(committee.has(key(0)));
  assert.not.ok(committee.verifies(key(0), new Uint8Array(32), new Uint8Array(64)));
});

test('a committee without keys, with a duplicate key, or with a key of a wrong length is refused', () => {
  refuses('LANESTORE_INVALID', 'a committee needs', () => new Committee([]));
  refuses('LANESTORE_INVALID', `committee: key ${'05'.repeat(32)} occurs twice`, () => {
    new Committee([key(5), key(1), key(5)]);
  });
  refuses('LANESTORE_INVALID', 'committee: a key is 31 bytes', () => new Committee([key(5).subarray(1)]));
  assert.throws(
    () => new Committee(['05'.repeat(32)] as unknown as Uint8Array[]),
    (error: unknown) => error instanceof TypeError,
  );
});

test.run();
