/** The pure rules of sinks, as tables: what a history means for a store; sets; records. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { SigningHistory } from '../../../src/adapter/index.js';
import { decodeRecord, isFault } from '../../../src/adapter/level/format/record.js';
import { encodeVotes, NO_STORED_VOTES, parseVotes, type StoredVotes } from '../../../src/adapter/level/format/votes.js';
import type { WitnessSet } from '../../../src/adapter/witness-set.js';
import { checkWitnessSet, isSameSet, majorityOf, withHeirs, witnessSetOf } from '../../../src/adapter/witness-set.js';
import { type StoreAtOpen, verdictOn } from '../../../src/guard/sink-verdict.js';
import { NO_RECORD } from '../../../src/guard/witness.js';
import { formatRecord, parseRecord } from '../../../src/guard/witness-text.js';
import { history, KEY_OF_HISTORIES } from './contract.js';

const test = suite('guard: rules of sinks');

const STORE = new Uint8Array(16).fill(1);
const OTHER = new Uint8Array(16).fill(2);
const digest = (byte: number) => new Uint8Array(32).fill(byte);

/** A store that has signed at 5, and holds blocks up to 5 of lane 0a. */
function at(seq: bigint, more: Partial<StoreAtOpen['votes']> = {}, next = 6n): StoreAtOpen {
  const logs = new Map([['step', { watermark: { at: [5n, 0n], digest: digest(3) }, floor: undefined }]]);
  return {
    newest: { store: STORE, seq },
    votes: { signer: digest(7), logs, laneFloors: new Map(), quarantine: undefined, ...more },
    cursors: { lanes: new Map([['0a', { first: 0n, next }]]), commitQCs: { first: 0n, next: 0n } },
  };
}

const signed = (road: bigint, byte = 3) =>
  new Map([['step', { watermark: { at: [road, 0n], digest: digest(byte) }, floor: undefined }]]);
const lane = (last: bigint) => new Map([['0a', { last, floor: undefined }]]);

const VERDICTS: [string, SigningHistory | undefined, StoreAtOpen, string][] = [
  ['no history', undefined, at(5n), 'none'],
  ['the same batch', history(5n), at(5n), 'held'],
  ['an older batch', history(4n), at(5n), 'held'],
  ['a newer batch', history(6n, { logs: signed(5n) }), at(5n), 'ahead'],
  ['a later vote in an older batch', history(4n, { logs: signed(6n) }), at(5n), 'ahead'],
  ['another vote in one place', history(4n, { logs: signed(5n, 9) }), at(5n), 'ahead'],
  ['a vote in a log without one', history(4n), at(5n, { logs: new Map() }), 'ahead'],
  [
    'a log that gave nothing',
    history(4n, { logs: new Map([['app', { watermark: undefined, floor: [9n] }]]) }),
    at(5n),
    'held',
  ],
  ['a later block in an older batch', history(4n, { lanes: lane(6n) }), at(5n), 'ahead'],
  ['fewer blocks in the same batch', history(5n, { lanes: lane(4n) }), at(5n), 'ahead'],
  ['a block below a floor', history(4n, { lanes: lane(9n) }), at(5n, { laneFloors: new Map([['0a', 9n]]) }), 'held'],
  ['a block above a floor', history(4n, { lanes: lane(9n) }), at(5n, { laneFloors: new Map([['0a', 8n]]) }), 'ahead'],
  [
    'a lane that was dropped since',
    history(4n, { lanes: new Map([['0b', { last: 3n, floor: undefined }]]) }),
    at(5n),
    'held',
  ],
  ['another store', history(1n, { store: OTHER }), at(5n), 'stranger'],
  ['the store before', history(4n, { store: OTHER }), at(5n, { heirOf: [{ store: OTHER, seq: 4n }] }), 'held'],
  [
    'the store before, and it went on',
    history(5n, { store: OTHER }),
    at(5n, { heirOf: [{ store: OTHER, seq: 4n }] }),
    'stranger',
  ],
  [
    'a vote of the store before',
    history(4n, { store: OTHER, logs: signed(6n) }),
    at(5n, { heirOf: [{ store: OTHER, seq: 4n }] }),
    'ahead',
  ],
];

for (const [name, held, store, kind] of VERDICTS) {
  test(`${name}: ${kind}`, () => {
    assert.is(verdictOn(held, store).kind, kind);
  });
}

test('a majority meets any other one, and half of an even number does not', () => {
  for (let count = 1; count <= 32; count++) {
    const least = majorityOf(count);
    assert.ok(2 * least > count && 2 * (least - 1) <= count, `${count}`);
  }
});

const SETS: [string, unknown, boolean][] = [
  ['one', { names: ['a'], quorum: 1 }, true],
  ['two of three', { names: ['a', 'b', 'c'], quorum: 2 }, true],
  ['with the set before', { names: ['a'], quorum: 1, former: { names: ['b'], quorum: 1 } }, true],
  ['half', { names: ['a', 'b'], quorum: 1 }, false],
  ['more than all', { names: ['a'], quorum: 2 }, false],
  ['none', { names: [], quorum: 0 }, false],
  ['twice', { names: ['a', 'a'], quorum: 2 }, false],
  ['out of order', { names: ['b', 'a'], quorum: 2 }, false],
  ['a name with a space', { names: ['a b'], quorum: 1 }, false],
  ['a quorum that is no number', { names: ['a'], quorum: 1n }, false],
  ['a field more', { names: ['a'], quorum: 1, mode: 'before' }, false],
  [
    'two sets before',
    { names: ['a'], quorum: 1, former: { names: ['b'], quorum: 1, former: { names: ['c'], quorum: 1 } } },
    false,
  ],
];

for (const [name, set, isOne] of SETS) {
  test(`a set of sinks, ${name}: ${isOne ? 'taken' : 'refused'}`, () => {
    assert.equal(witnessSetOf(set), isOne ? set : undefined);
    const votes: StoredVotes = { ...NO_STORED_VOTES, sinks: set as WitnessSet };
    if (!isOne) return;
    const record = decodeRecord('votes', encodeVotes(votes, 1n).bytes);
    assert.not(isFault(record));
    const body = (record as { body: unknown }).body;
    const parsed = parseVotes(body);
    assert.equal((parsed as StoredVotes).sinks, set);
    assert.ok(isSameSet(checkWitnessSet(set as WitnessSet, 'set'), set as WitnessSet));
  });
}

test('stores that were taken over keep their highest batch, ascending, in their record', () => {
  const heirs = withHeirs(
    [{ store: OTHER, seq: 4n }],
    [
      { store: STORE, seq: 1n },
      { store: OTHER, seq: 3n },
    ],
  );
  assert.equal(heirs, [
    { store: STORE, seq: 1n },
    { store: OTHER, seq: 4n },
  ]);
  const encoded = encodeVotes({ ...NO_STORED_VOTES, heirOf: heirs }, 1n);
  const record = decodeRecord('votes', encoded.bytes) as { body: Record<string, unknown> };
  assert.equal((parseVotes(record.body) as StoredVotes).heirOf, heirs);
  for (const heirOf of [
    [],
    [[STORE]],
    [[STORE, -1n]],
    [
      [OTHER, 1n],
      [STORE, 1n],
    ],
    [
      [STORE, 1n],
      [STORE, 2n],
    ],
    'x',
  ]) {
    assert.match(parseVotes({ ...record.body, heirOf }) as string, /^heirOf is not/);
  }
});

test('a record comes back from its text; any other text is named', () => {
  const claim = { epoch: 7n, holder: 'ab'.repeat(16) };
  for (const last of [undefined, { epoch: 6n, history: history(3n) }]) {
    assert.equal(parseRecord(formatRecord({ ...claim, last }), KEY_OF_HISTORIES), { ...claim, last });
  }
  assert.equal(parseRecord(formatRecord(NO_RECORD), KEY_OF_HISTORIES), NO_RECORD);
  const text = formatRecord({ ...claim, last: { epoch: 6n, history: history(3n) } });
  for (let cut = 0; cut < text.length - 1; cut += 7) {
    assert.throws(() => parseRecord(text.slice(0, cut), KEY_OF_HISTORIES), /is no record of this key/);
  }
});

test.run();
