/**
 * The committee that an entry is checked against: by road index, and for a block by the range of
 * the QC log.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Committee, Committees } from '../../src/model/autobahn/index.js';
import { refusedSync } from '../support/faults.js';

const test = suite('model: committees');

const key = (n: number) => new Uint8Array(32).fill(n);
/** Validators 1 and 2, then 2 and 3 from 10 on, then 3 and 4 from 20 on. */
const [A, B, C] = [1, 2, 3].map((n) => new Committee([key(n), key(n + 1)])) as [Committee, Committee, Committee];
const committees = new Committees([
  { from: 3n, committee: A },
  { from: 10n, committee: B },
  { from: 20n, committee: C },
]);

test('by road index: from its own to before the next one, the last without an end', () => {
  for (const [index, expected] of [
    [3n, A],
    [9n, A],
    [10n, B],
    [19n, B],
    [20n, C],
    [2n ** 64n - 2n, C],
  ] as const) {
    assert.is(committees.at(index), expected, `${index}`);
  }
  refusedSync(() => committees.at(2n), 'LANESTORE_VERIFY');
});

test('by lane: a committee with that lane, among those of the range of the QC log, its next road index included', () => {
  const cases: readonly (readonly [lane: number, first: bigint, next: bigint, expected: Committee | undefined])[] = [
    [1, 3n, 9n, A],
    [1, 9n, 12n, A],
    [1, 10n, 12n, undefined],
    [2, 9n, 12n, A],
    [2, 10n, 12n, B],
    [3, 3n, 9n, undefined],
    [3, 3n, 10n, B],
    [4, 3n, 19n, undefined],
    [4, 3n, 20n, C],
    [4, 50n, 60n, C],
    [1, 0n, 2n, undefined],
    [1, 0n, 0n, undefined],
    [9, 0n, 60n, undefined],
  ];
  for (const [lane, first, next, expected] of cases) {
    const find = () => committees.ofLane(key(lane), { first, next });
    if (expected !== undefined) assert.is(find(), expected, `${lane} in ${first} to ${next}`);
    else assert.match(refusedSync(find, 'LANESTORE_VERIFY').message, `road indexes ${first} to ${next}`);
  }
});

test('no committees, two of the same road index, or descending ones are refused', () => {
  const make = (...from: bigint[]) => new Committees(from.map((index) => ({ from: index, committee: A })));
  for (const wrong of [[], [0n, 0n], [5n, 4n], [0n, 5n, 5n], [-1n], [2n ** 64n - 1n]]) {
    refusedSync(() => make(...wrong), 'LANESTORE_INVALID');
  }
  assert.is(make(0n, 1n).terms.length, 2);
});

test.run();
