/** The records of votes: they decode to what was encoded, and every other body is refused. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeRecord, type EncodedRecord, isFault } from '../../../../src/adapter/level/format/record.js';
import {
  encodeLaneFloors,
  encodeVotes,
  NO_STORED_VOTES,
  parseLaneFloors,
  parseVotes,
  type StoredVotes,
  votesEncoder,
} from '../../../../src/adapter/level/format/votes.js';
import type { Watermark } from '../../../../src/adapter/persistence.js';
import { LANE_FLOORS_KEY, VOTES_KEY } from '../../../../src/keys/index.js';

const test = suite('records of votes');
const DIGEST = new Uint8Array(32).fill(5);

function bodyOf(key: string, { bytes }: EncodedRecord): unknown {
  const record = decodeRecord(key, bytes);
  if (isFault(record)) throw new Error(record.detail);
  return record.body;
}

const FULL: StoredVotes = {
  signer: new Uint8Array(32).fill(1),
  home: [7n, 2n ** 64n - 1n],
  logs: new Map([
    ['a', { watermark: undefined, floor: undefined }],
    ['b-1', { watermark: { at: [1n], digest: DIGEST }, floor: undefined }],
    ['c', { watermark: { at: [1n, 2n, 3n], digest: DIGEST }, floor: [1n, 2n, 2n] }],
  ]),
  laneFloors: new Map(),
  quarantine: {
    parts: ['rounds', 'own'],
    why: 'why',
    when: 'when',
    seq: 9n,
    heir: new Uint8Array(16),
    heirSeq: 5n,
    lost: true,
  },
  sinks: { names: ['one', 'two'], quorum: 2 },
};

const ANSWERED: StoredVotes = {
  ...FULL,
  quarantine: {
    ...FULL.quarantine!,
    answers: new Map([
      ['0a', { next: 7n }],
      ['0b', { next: 0n, own: 3n }],
    ]),
  },
};

test('come back as they were', () => {
  for (const votes of [NO_STORED_VOTES, FULL, ANSWERED]) {
    const { laneFloors: _, ...expected } = votes;
    assert.equal(parseVotes(bodyOf(VOTES_KEY, encodeVotes(votes, 3n))), expected);
  }
  for (const floors of [new Map(), new Map([['0b', 3n] as const, ['0a', 2n ** 64n - 2n] as const])]) {
    const parsed = parseLaneFloors(bodyOf(LANE_FLOORS_KEY, encodeLaneFloors(floors)));
    assert.equal(
      [...(parsed as Map<string, bigint>)],
      [...floors].sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  }
});

test('logs ascend in the record, whatever order they have in memory', () => {
  const logs = [...FULL.logs];
  const { bytes } = encodeVotes(FULL, 3n);
  for (const order of ['021', '102', '120', '201', '210']) {
    const shuffled = new Map([...order].map((i) => logs[Number(i)]!));
    assert.equal(encodeVotes({ ...FULL, logs: shuffled }, 3n).bytes, bytes, order);
  }
});

/** One change of a state; the parts that it does not change stay the same objects. */
type Change = (votes: StoredVotes) => StoredVotes;

const u64 = fc.bigInt(0n, 2n ** 64n - 1n);
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const position = fc.array(u64, { minLength: 1, maxLength: 3 });
const watermark: fc.Arbitrary<Watermark> = fc.record({
  at: position,
  digest: fc.oneof({ weight: 9, arbitrary: bytes(32) }, bytes(33)),
});
const logName = fc.constantFrom('a', 'b-1', 'c', 'd');

function withLog(votes: StoredVotes, log: string, change: object): StoredVotes {
  const before = votes.logs.get(log) ?? { watermark: undefined, floor: undefined };
  return { ...votes, logs: new Map(votes.logs).set(log, { ...before, ...change }) };
}

const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.tuple(logName, watermark).map(
      ([log, it]) =>
        (v: StoredVotes) =>
          withLog(v, log, { watermark: it }),
    ),
  },
  fc.tuple(logName, fc.option(position)).map(
    ([log, floor]) =>
      (v: StoredVotes) =>
        withLog(v, log, { floor: floor ?? undefined }),
  ),
  logName.map((log) => (v: StoredVotes) => withLog(v, log, { watermark: undefined })),
  logName.map((log) => (v: StoredVotes) => ({ ...v, logs: new Map([...v.logs].filter(([name]) => name !== log)) })),
  fc.constant((v: StoredVotes) => ({ ...v, logs: new Map([...v.logs].reverse()) })),
  fc.constant((v: StoredVotes) => ({ ...v, logs: new Map([...v.logs].map(([log, state]) => [`${log}0`, state])) })),
  bytes(32).map((signer) => (v: StoredVotes) => ({ ...v, signer })),
  fc.tuple(u64, u64).map((home) => (v: StoredVotes) => ({ ...v, home })),
  fc
    .constantFrom(undefined, FULL.quarantine, { ...FULL.quarantine!, seq: undefined })
    .map((quarantine) => (v: StoredVotes) => ({ ...v, quarantine }) as StoredVotes),
  fc
    .constantFrom(undefined, FULL.sinks, { names: ['one'], quorum: 1 })
    .map((sinks) => (v: StoredVotes) => ({ ...v, sinks })),
  fc.tuple(bytes(16), u64).map(([store, seq]) => (v: StoredVotes) => ({ ...v, heirOf: [{ store, seq }] })),
);

test('an encoder that is kept gives the records that encodeVotes gives', () => {
  const property = fc.property(fc.array(change, { minLength: 1, maxLength: 30 }), u64, (changes, seq) => {
    const encode = votesEncoder();
    let votes = NO_STORED_VOTES;
    for (const apply of changes) {
      votes = apply(votes);
      const expected = encodeVotes(votes, seq);
      const record = encode(votes, seq);
      assert.equal(record.bytes, expected.bytes);
      assert.is(record.crc, expected.crc);
    }
  });
  fc.assert(property, { numRuns: 500 });
});

test('a quarantine without a batch gets that of its record, one that has it keeps it', () => {
  const { quarantine } = FULL;
  const { seq: _, ...open } = quarantine!;
  const seqIn = (votes: StoredVotes) =>
    (parseVotes(bodyOf(VOTES_KEY, encodeVotes(votes, 3n))) as StoredVotes).quarantine?.seq;
  assert.is(seqIn({ ...FULL, quarantine: open }), 3n);
  assert.is(seqIn(FULL), 9n);
});

const ANSWER = [new Uint8Array(1), 1n, null];
const row = (...fields: unknown[]) => ({ logs: [fields] });
const closed = (change: object) => ({ quarantine: { ...body().quarantine, ...change } });
const body = () => bodyOf(VOTES_KEY, encodeVotes(FULL, 3n)) as Record<string, object>;
for (const [what, change] of [
  ['a signer that is text', { signer: 'x' }],
  ['an empty signer', { signer: new Uint8Array() }],
  ['a signer of 129 bytes', { signer: new Uint8Array(129) }],
  ['no signer at all', { signer: undefined }],
  ['a home of one number', { home: [1n] }],
  ['logs that are a map', { logs: {} }],
  ['a log without a floor', row('a', null, null)],
  ['a log with a name that is none', row('A', null, null, null)],
  ['a log with a position and no digest', row('a', [1n], null, null)],
  ['a log with a digest and no position', row('a', null, DIGEST, null)],
  ['a digest of 31 bytes', row('a', [1n], DIGEST.subarray(1), null)],
  ['a position of none', row('a', [], DIGEST, null)],
  ['a position of four numbers', row('a', [1n, 1n, 1n, 1n], DIGEST, null)],
  ['a position of a small number', row('a', [1], DIGEST, null)],
  ['a floor of another length than the position', row('a', [1n], DIGEST, [1n, 1n])],
  [
    'a log twice',
    {
      logs: [
        ['a', null, null, null],
        ['a', null, null, null],
      ],
    },
  ],
  [
    'logs that descend',
    {
      logs: [
        ['b', null, null, null],
        ['a', null, null, null],
      ],
    },
  ],
  ['a quarantine of nothing', closed({ parts: [] })],
  ['a quarantine of an unknown part', closed({ parts: ['all'] })],
  ['a part twice', closed({ parts: ['own', 'own'] })],
  ['a quarantine without a reason', closed({ why: undefined })],
  ['a quarantine with a field more', closed({ until: 'then' })],
  ['an heir of 15 bytes', closed({ heir: new Uint8Array(15) })],
  ['a request that is no number', closed({ heirSeq: null })],
  ['a request without an heir', closed({ heir: null })],
  ['answers that are none', closed({ answers: [] })],
  ['an answer without a number', closed({ answers: [[new Uint8Array(1), null, null]] })],
  ['an answer of a validator without a key', closed({ answers: [[new Uint8Array(), 1n, null]] })],
  ['two answers of one validator', closed({ answers: [ANSWER, ANSWER] })],
  ['an answer of a small number', closed({ answers: [[new Uint8Array(1), 1n, 1]] })],
  ['no quarantine at all', { quarantine: undefined }],
  ['sinks without a quorum', { sinks: { names: [] } }],
  ['a key more', { later: null }],
] as const) {
  test(`${what} is refused`, () => {
    assert.type(parseVotes({ ...body(), ...change }), 'string');
  });
}

test('floors that are not exactly that are refused', () => {
  const lane = new Uint8Array([10]);
  for (const wrong of [
    null,
    {},
    [[lane]],
    [[lane, 1]],
    [[lane, -1n]],
    [['0a', 1n]],
    [[new Uint8Array(), 1n]],
    [
      [lane, 1n],
      [lane, 2n],
    ],
    [
      [new Uint8Array([11]), 1n],
      [lane, 2n],
    ],
  ]) {
    assert.type(
      parseLaneFloors(wrong),
      'string',
      JSON.stringify(wrong, (_, value) => String(value)),
    );
  }
  for (const wrong of [null, [], 'votes', new Uint8Array(3)]) assert.type(parseVotes(wrong), 'string');
});

test.run();
