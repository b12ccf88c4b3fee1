/** Keys: what is written, what is read back, and what is refused. */
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  blockKey,
  blockRange,
  commitQCKey,
  commitQCRange,
  ENTRY_NUMBER_MAX,
  eventKey,
  isLaneId,
  KEY_SHAPES,
  type Key,
  LANE_ID_BYTES_MAX,
  laneBytes,
  laneId,
  laneIdOf,
  laneRange,
  maxU64,
  minU64,
  padU64,
  parseKey,
  prefixRange,
  U64_MAX,
  u64,
} from '../../src/keys/index.js';
import { refusedSync } from '../support/faults.js';

const entryNumbers = fc.bigInt({ min: 0n, max: ENTRY_NUMBER_MAX });
const lanes = fc.uint8Array({ minLength: 1, maxLength: LANE_ID_BYTES_MAX }).map(laneIdOf);

/** Every key, as a table: taken apart, and written. */
const TABLE: readonly (readonly [Key, string])[] = [
  [{ kind: 'anchor' }, 'anchor'],
  [{ kind: 'inner' }, 'inner'],
  [{ kind: 'schema' }, 'meta/schema'],
  [{ kind: 'tip' }, 'meta/tip'],
  [{ kind: 'event', seq: 0n }, 'meta/event/00000000000000000000'],
  [{ kind: 'event', seq: U64_MAX }, 'meta/event/18446744073709551615'],
  [{ kind: 'votes' }, 'votes'],
  [{ kind: 'laneFloors' }, 'votes/lanes'],
  [{ kind: 'commitQC', index: 0n }, 'qc/00000000000000000000'],
  [{ kind: 'commitQC', index: 33n }, 'qc/00000000000000000033'],
  [{ kind: 'commitQC', index: ENTRY_NUMBER_MAX }, 'qc/18446744073709551614'],
  [{ kind: 'block', lane: '00', number: 0n }, 'lane/00/00000000000000000000'],
  [{ kind: 'block', lane: '0a1b', number: 2n ** 32n }, 'lane/0a1b/00000000004294967296'],
  [{ kind: 'block', lane: 'ff'.repeat(64), number: ENTRY_NUMBER_MAX }, `lane/${'ff'.repeat(64)}/18446744073709551614`],
];

/** The key of what {@link parseKey} gives; the inverse, put together from the encoders. */
function encode(key: Key): string {
  switch (key.kind) {
    case 'anchor':
    case 'inner':
    case 'votes':
      return key.kind;
    case 'laneFloors':
      return 'votes/lanes';
    case 'schema':
    case 'tip':
      return `meta/${key.kind}`;
    case 'event':
      return eventKey(key.seq);
    case 'commitQC':
      return commitQCKey(key.index);
    case 'block':
      return blockKey(key.lane, key.number);
  }
}

const keys = suite('keys');

keys('each is written and read as the table says', () => {
  for (const [parts, text] of TABLE) {
    assert.is(encode(parts), text);
    assert.equal(parseKey(text), parts, text);
  }
});

keys('the table has every kind of the registry', () => {
  assert.equal(new Set(TABLE.map(([{ kind }]) => kind)), new Set(Object.keys(KEY_SHAPES)));
});

keys('are printable ASCII', () => {
  for (const [, text] of TABLE) assert.match(text, /^[\x21-\x7e]+$/);
});

keys('of blocks: parse is the inverse of encode', () => {
  fc.assert(
    fc.property(lanes, entryNumbers, (lane, number) => {
      assert.equal(parseKey(blockKey(lane, number)), { kind: 'block', lane, number });
    }),
  );
});

keys('of CommitQCs and events: parse is the inverse of encode', () => {
  fc.assert(
    fc.property(entryNumbers, (number) => {
      assert.equal(parseKey(commitQCKey(number)), { kind: 'commitQC', index: number });
      assert.equal(parseKey(eventKey(number)), { kind: 'event', seq: number });
    }),
  );
});

keys('nothing parses that encoding would not produce', () => {
  const near = fc.oneof(
    fc.string({ maxLength: 40 }),
    fc.constantFrom(...TABLE.map(([, text]) => text)).chain((text) =>
      fc.tuple(fc.nat(text.length), fc.nat(2), fc.string({ maxLength: 2 })).map(([at, drop, insert]) => {
        return text.slice(0, at) + insert + text.slice(at + drop);
      }),
    ),
  );
  fc.assert(
    fc.property(near, (text) => {
      const parts = parseKey(text);
      if (parts !== undefined) assert.is(encode(parts), text);
    }),
    { numRuns: 2000 },
  );
});

const N = '00000000000000000005';
for (const [what, text] of [
  ['an empty key', ''],
  ['an unknown word', 'anchors'],
  ['a word in uppercase', 'Anchor'],
  ['a trailing slash behind a word', 'anchor/'],
  ['a leading slash', '/anchor'],
  ['something in front', ' inner'],
  ['something behind, as NUL', 'meta/tip\0'],
  ['an unknown meta', 'meta/other'],
  ['meta alone', 'meta/'],
  ['a prefix alone', 'qc/'],
  ['a prefix without its slash', `qc${N}`],
  ['a number without padding', 'qc/5'],
  ['a number of 19 digits', 'qc/0000000000000000005'],
  ['a number of 21 digits', `qc/0${N}`],
  ['a number with a sign', 'qc/+0000000000000000005'],
  ['a negative number', 'qc/-0000000000000000005'],
  ['a number in hex', 'qc/0x000000000000000005'],
  ['a number with a letter', 'qc/0000000000000000000a'],
  ['digits of another script', `qc/${'٠'.repeat(20)}`],
  ['a number with a space', 'qc/ 0000000000000000005'],
  ['a number and a newline', `qc/${N}\n`],
  ['a number and a slash', `qc/${N}/`],
  ['2^64-1 as the number of a CommitQC', 'qc/18446744073709551615'],
  ['2^64 as the number of a CommitQC', 'qc/18446744073709551616'],
  ['2^64 as the number of an event', 'meta/event/18446744073709551616'],
  ['20 nines', 'meta/event/99999999999999999999'],
  ['2^64-1 as the number of a block', 'lane/0a/18446744073709551615'],
  ['2^64 as the number of a block', 'lane/0a/18446744073709551616'],
  ['a lane without a number', 'lane/0a'],
  ['a lane without a number, with its slash', 'lane/0a/'],
  ['no lane', `lane/${N}`],
  ['an empty lane', `lane//${N}`],
  ['a lane in uppercase hex', `lane/0A/${N}`],
  ['a lane of an odd number of digits', `lane/0a1/${N}`],
  ['a lane that is no hex', `lane/0g/${N}`],
  ['a lane of 65 bytes', `lane/${'00'.repeat(65)}/${N}`],
  ['two lanes', `lane/0a/0b/${N}`],
  ['a lane and a newline', `lane/0a\n/${N}`],
  ['two slashes before the number', `lane/0a//${N}`],
  ['a block number without padding', 'lane/0a/5'],
  ['a block number with a slash behind', `lane/0a/${N}/`],
  ['a block number with a digit too many', `lane/0a/0${N}`],
] as const) {
  keys(`${what} does not parse`, () => assert.is(parseKey(text), undefined));
}

keys('the order of bytes is the order of numbers', () => {
  const near = (number: bigint) => [number - 1n, number, number + 1n];
  const edges = [...Array(20).keys()].flatMap((i) => near(10n ** BigInt(i))).concat(near(2n ** 32n), near(2n ** 63n));
  const numbers = fc.oneof(entryNumbers, fc.constantFrom(...edges.filter((n) => n >= 0n)));
  const sign = (n: number | bigint) => (n < 0 ? -1 : n > 0 ? 1 : 0);
  fc.assert(
    fc.property(lanes, numbers, numbers, (lane, a, b) => {
      const compare = (x: string, y: string) => sign(Buffer.compare(Buffer.from(x), Buffer.from(y)));
      assert.is(compare(commitQCKey(a), commitQCKey(b)), sign(a - b));
      assert.is(compare(blockKey(lane, a), blockKey(lane, b)), sign(a - b));
      assert.is(compare(eventKey(a), eventKey(b)), sign(a - b));
    }),
    { numRuns: 500 },
  );
});

keys('the keys of one lane stand together, whatever its neighbours are called', () => {
  fc.assert(
    fc.property(lanes, lanes, entryNumbers, entryNumbers, (a, b, i, j) => {
      fc.pre(a !== b);
      const { gte, lt } = laneRange(a);
      assert.ok(blockKey(a, i) >= gte && blockKey(a, i) < lt);
      assert.not.ok(blockKey(b, j) >= gte && blockKey(b, j) < lt);
      assert.is(blockKey(a, i) < blockKey(b, j), a < b, 'lanes ascend as their ids do');
    }),
    { numRuns: 500 },
  );
  // One id that begins with the other: the slash is lower than any digit.
  assert.ok(blockKey('0a', ENTRY_NUMBER_MAX) < blockKey('0a00', 0n));
});

const ranges = suite('key ranges');

ranges('hold exactly the numbers from the first to before the last', () => {
  const bounds = fc.tuple(fc.bigInt({ min: 0n, max: U64_MAX }), fc.bigInt({ min: 0n, max: U64_MAX }));
  fc.assert(
    fc.property(lanes, bounds, entryNumbers, (lane, [a, b], number) => {
      const [from, to] = [minU64(a, b), maxU64(a, b)];
      const inside = number >= from && number < to;
      const blocks = blockRange(lane, from, to);
      assert.is(blockKey(lane, number) >= blocks.gte && blockKey(lane, number) < blocks.lt, inside);
      const qcs = commitQCRange(from, to);
      assert.is(commitQCKey(number) >= qcs.gte && commitQCKey(number) < qcs.lt, inside);
    }),
    { numRuns: 500 },
  );
});

ranges('are written as the table says', () => {
  assert.equal(blockRange('0a', 7n, 10n), { gte: 'lane/0a/00000000000000000007', lt: 'lane/0a/00000000000000000010' });
  assert.equal(commitQCRange(0n, 0n), { gte: 'qc/00000000000000000000', lt: 'qc/00000000000000000000' });
  assert.equal(laneRange('0a'), { gte: 'lane/0a/', lt: 'lane/0a0' });
  assert.equal(prefixRange('qc/'), { gte: 'qc/', lt: 'qc0' });
});

ranges('end at 2^64-1 at most, and then hold the highest number', () => {
  const { gte, lt } = commitQCRange(ENTRY_NUMBER_MAX, U64_MAX);
  const highest = commitQCKey(ENTRY_NUMBER_MAX);
  assert.ok(highest >= gte && highest < lt);
  refusedSync(() => commitQCRange(0n, U64_MAX + 1n), 'LANESTORE_INVALID');
});

ranges('are refused when inverted, or below 0, or of a bad lane', () => {
  refusedSync(() => blockRange('0a', 2n, 1n), 'LANESTORE_INVALID');
  refusedSync(() => commitQCRange(2n, 1n), 'LANESTORE_INVALID');
  refusedSync(() => blockRange('0a', -1n, 1n), 'LANESTORE_INVALID');
  refusedSync(() => blockRange('0A', 0n, 1n), 'LANESTORE_INVALID');
  refusedSync(() => laneRange('0a/'), 'LANESTORE_INVALID');
});

const numbers = suite('u64');

numbers('no key is made of a number that no entry can have', () => {
  for (const number of [-1n, U64_MAX, U64_MAX + 1n, 2n ** 70n]) {
    refusedSync(() => blockKey('0a', number), 'LANESTORE_INVALID');
    refusedSync(() => commitQCKey(number), 'LANESTORE_INVALID');
  }
  refusedSync(() => eventKey(U64_MAX + 1n), 'LANESTORE_INVALID');
  refusedSync(() => eventKey(-1n), 'LANESTORE_INVALID');
});

numbers('a number that is no bigint is a TypeError', () => {
  for (const number of [1, '1', null, undefined, Number.NaN]) {
    assert.throws(
      () => u64(number, 'number'),
      (error: unknown) => error instanceof TypeError,
    );
    assert.throws(
      () => commitQCKey(number as never),
      (error: unknown) => error instanceof TypeError,
    );
  }
});

numbers('the refusal names what was wrong', () => {
  assert.match(
    refusedSync(() => blockKey('0a', U64_MAX), 'LANESTORE_INVALID').message,
    /block number 18446744073709551615/,
  );
  assert.match(refusedSync(() => commitQCKey(-1n), 'LANESTORE_INVALID').message, /road index -1/);
});

numbers('padding has 20 digits', () => {
  assert.is(padU64(0n), '0'.repeat(20));
  assert.is(padU64(U64_MAX), '18446744073709551615');
});

const laneIds = suite('lane ids');

laneIds('have 1 to 64 bytes', () => {
  assert.is(LANE_ID_BYTES_MAX, 64);
  for (const bytes of [1, 2, 32, 40, 64]) assert.is(laneId('0f'.repeat(bytes)), '0f'.repeat(bytes));
  for (const bytes of [0, 65, 128]) refusedSync(() => laneId('0f'.repeat(bytes)), 'LANESTORE_INVALID');
});

laneIds('are lowercase hex, whole bytes, and nothing else', () => {
  for (const text of ['', '0', '0A', '0a0', '0g', ' 0a', '0a ', '0a\n', '0a/', '0x0a', '٠٠']) {
    assert.not.ok(isLaneId(text), JSON.stringify(text));
    refusedSync(() => laneId(text), 'LANESTORE_INVALID');
    refusedSync(() => blockKey(text, 0n), 'LANESTORE_INVALID');
  }
});

laneIds('that are no string are a TypeError', () => {
  for (const value of [10, null, undefined, new Uint8Array([10])]) {
    assert.throws(
      () => laneId(value),
      (error: unknown) => error instanceof TypeError,
    );
  }
});

laneIds('come from bytes and go back to them', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), (bytes) => {
      const lane = laneIdOf(bytes);
      assert.ok(isLaneId(lane));
      assert.equal(laneBytes(lane), bytes);
    }),
  );
  // A view into something larger is read as a view.
  assert.is(laneIdOf(new Uint8Array([1, 2, 3, 4]).subarray(1, 3)), '0203');
});

laneIds('give bytes in memory of their own', () => {
  const bytes = laneBytes('0102');
  assert.is(bytes.constructor, Uint8Array);
  assert.is(bytes.byteLength, bytes.buffer.byteLength);
});

keys.run();
ranges.run();
numbers.run();
laneIds.run();
