/** The tip record: its bytes, and the refusal of other bodies. */
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeRecord, isFault } from '../../../../src/adapter/level/format/record.js';
import { encodeTip, firstTip, parseTip, type Tip } from '../../../../src/adapter/level/format/tip.js';
import { laneIdOf, TIP_KEY, U64_MAX } from '../../../../src/keys/index.js';

const STORE = Uint8Array.from({ length: 16 }, (_, i) => i);
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

function bodyOf(bytes: Uint8Array): Record<string, unknown> {
  const record = decodeRecord(TIP_KEY, bytes);
  if (isFault(record)) throw new Error(record.detail);
  return record.body as Record<string, unknown>;
}

const tips = suite('tip');

const EXAMPLE: Tip = {
  store: STORE,
  seq: 3n,
  anchor: 0x2f968b5f,
  inner: null,
  votes: 0x01020304,
  laneFloors: null,
  qc: { first: 5n, next: 8n, swept: 5n },
  lanes: new Map([
    ['0a', { first: 1n, next: 4n, swept: 0n }],
    ['0a00', { first: U64_MAX, next: U64_MAX, swept: U64_MAX }],
  ]),
};

tips('has exactly these bytes', () => {
  const u64 = (n: string) => `1b${n.padStart(16, '0')}`;
  const body = [
    'a6', // a map of six
    `6573746f7265 50${hex(STORE)}`, // "store": 16 bytes
    `63736571 ${u64('3')}`, // "seq"
    '6773696e676c6573 82 1a2f968b5f f6', // "singles": the crc of the anchor, no inner
    '65766f746573 82 1a01020304 f6', // "votes": the crc of votes, no floors
    `627163 83 ${u64('5')} ${u64('8')} ${u64('5')}`, // "qc": [first, next, swept]
    '656c616e6573 82', // "lanes": two of them
    `84 410a ${u64('1')} ${u64('4')} ${u64('0')}`,
    `84 420a00 ${u64('f'.repeat(16))} ${u64('f'.repeat(16))} ${u64('f'.repeat(16))}`,
  ];
  const expected = `8301 ${body.join('')} 1a816006dd`.replaceAll(' ', '');
  assert.is(hex(encodeTip(EXAMPLE).bytes), expected);
  assert.equal(parseTip(bodyOf(Buffer.from(expected, 'hex'))), EXAMPLE);
});

tips('of an empty store counts no batch and holds nothing', () => {
  const tip = firstTip(STORE, 7);
  assert.equal(parseTip(bodyOf(encodeTip(tip).bytes)), tip);
  assert.is(tip.seq, 0n);
  assert.is(tip.lanes.size, 0);
});

const u64s = fc.bigInt({ min: 0n, max: U64_MAX });
const extents = fc.tuple(u64s, u64s, u64s).map((three) => {
  const [swept, first, next] = [...three].sort((a, b) => (a < b ? -1 : 1)) as [bigint, bigint, bigint];
  return { first, next, swept };
});
const crcs = fc.oneof(fc.constant(null), fc.nat(255), fc.integer({ min: 0, max: 0xffffffff }));
const lanes = fc
  .uniqueArray(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }).map(laneIdOf), extents), {
    selector: ([lane]) => lane,
  })
  .map((list) => new Map(list.sort(([a], [b]) => (a < b ? -1 : 1))));

tips('comes back as it was', () => {
  fc.assert(
    fc.property(u64s, crcs, crcs, crcs, extents, lanes, (seq, anchor, inner, laneFloors, qc, map) => {
      const tip: Tip = { store: STORE, seq, anchor, inner, votes: 9, laneFloors, qc, lanes: map };
      assert.equal(parseTip(bodyOf(encodeTip(tip).bytes)), tip);
    }),
  );
});

tips('is decoded into memory of its own', () => {
  const { bytes } = encodeTip(EXAMPLE);
  const copy = new Uint8Array(bytes);
  const tip = parseTip(bodyOf(copy)) as Tip;
  copy.fill(0);
  assert.equal(tip.store, STORE);
});

const good = () => structuredClone(bodyOf(encodeTip(EXAMPLE).bytes));
const lane = (...fields: unknown[]) => ({ lanes: [fields] });
const A = new Uint8Array([10]);

for (const [what, change, sentence] of [
  ['a store id of 15 bytes', { store: new Uint8Array(15) }, /store/],
  ['a store id that is text', { store: hex(STORE) }, /store/],
  ['no store id', { store: undefined }, /store/],
  ['a seq that is a number', { seq: 3 }, /seq/],
  ['no seq', { seq: undefined }, /seq/],
  ['an anchor crc beyond 32 bits', { singles: [2 ** 32, null] }, /singles/],
  ['a negative anchor crc', { singles: [-1, null] }, /singles/],
  ['an anchor crc that is a fraction', { singles: [0.5, null] }, /singles/],
  ['no anchor crc', { singles: [null] }, /singles/],
  ['no singles', { singles: undefined }, /singles/],
  ['an inner crc that is text', { singles: [null, 'x'] }, /singles/],
  ['an inner crc that is a bigint', { singles: [null, 1n] }, /singles/],
  ['a crc too many', { singles: [null, null, null] }, /singles/],
  ['no votes', { votes: undefined }, /votes/],
  ['votes without a crc', { votes: [null, null] }, /votes/],
  ['votes without a place for lane floors', { votes: [7] }, /votes/],
  ['a crc of lane floors that is text', { votes: [7, 'x'] }, /votes/],
  ['no qc', { qc: undefined }, /qc/],
  ['a qc of two', { qc: [0n, 0n] }, /qc/],
  ['a qc of four', { qc: [0n, 0n, 0n, 0n] }, /qc/],
  ['a qc of numbers', { qc: [0, 0, 0] }, /qc/],
  ['a qc that ends before it begins', { qc: [2n, 1n, 0n] }, /qc/],
  ['a qc that is swept beyond its first', { qc: [2n, 5n, 3n] }, /qc/],
  ['lanes that are a map', { lanes: {} }, /lanes/],
  ['no lanes', { lanes: undefined }, /lanes/],
  ['a lane that is text', lane('0a', 0n, 0n, 0n), /lanes\[0\]/],
  ['a lane without bytes', lane(new Uint8Array(), 0n, 0n, 0n), /lanes\[0\]/],
  ['a lane of 65 bytes', lane(new Uint8Array(65), 0n, 0n, 0n), /lanes\[0\]/],
  ['a lane without swept', lane(A, 0n, 0n), /lanes\[0\]/],
  ['a lane with a field too many', lane(A, 0n, 0n, 0n, 0n), /lanes\[0\]/],
  ['a lane that ends before it begins', lane(A, 2n, 1n, 0n), /lanes\[0\]/],
  ['a lane swept beyond its first', lane(A, 2n, 5n, 3n), /lanes\[0\]/],
  ['a lane that is no array', { lanes: [null] }, /lanes\[0\]/],
  [
    'the same lane twice',
    {
      lanes: [
        [A, 0n, 0n, 0n],
        [A, 0n, 0n, 0n],
      ],
    },
    /lanes\[1\].*ascending/,
  ],
  [
    'lanes that descend',
    {
      lanes: [
        [new Uint8Array([11]), 0n, 0n, 0n],
        [A, 0n, 0n, 0n],
      ],
    },
    /lanes\[1\].*ascending/,
  ],
] as const) {
  tips(`${what} is no tip, and the sentence says which field`, () => {
    const result = parseTip({ ...good(), ...change });
    if (typeof result !== 'string') throw new Error('it was taken for a tip');
    assert.match(result, sentence);
  });
}

tips('what is no map is no tip', () => {
  for (const body of [null, undefined, 1, 'tip', [], new Uint8Array(3)]) assert.type(parseTip(body), 'string');
});

tips.run();
