/**
 * The bounds of Autobahn for the places that a validator may have signed, computed from the answers
 * of its peers: they hold in every state of small committees, and each of them is needed.
 * docs/signing-safety.md has the counts.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { answersNeeded, reachedBy } from '../../src/adapter/peer-rules.js';
import { isLanestoreError } from '../../src/errors.js';
import { laneIdOf } from '../../src/keys/index.js';
import { autobahn, type CommitQC, globalRange } from '../../src/model/autobahn/index.js';
import { makeNetwork } from '../support/network.js';
import { lowestAnswer, ownMessages, type Reached, reachable, type Sent } from '../support/reach-model.js';

const test = suite('bounds');

const ROADS = 4;
const VIEWS = 2;
const COMMITTEES = [
  { validators: 4, liars: 0 },
  { validators: 4, liars: 1 },
  { validators: 5, liars: 1 },
  { validators: 7, liars: 2 },
].map((committee) => ({ ...committee, roads: ROADS, views: committee.validators === 7 ? 1 : VIEWS }));

const net = makeNetwork({ validators: 4, signed: false });
const keys = net.committee.keys;
const [signer] = keys as [Uint8Array];
const other = laneIdOf(keys[1] as Uint8Array);

/** CommitQCs of which each orders so many blocks of the lane of validator 1. */
function chain(lengths: readonly number[]): CommitQC[] {
  const base = net.commitQC();
  let first = 0n;
  return lengths.map((length, road) => {
    const next = first + BigInt(length);
    const range = { lane: keys[1] as Uint8Array, first, next, lastHash: new Uint8Array(32) };
    first = next;
    const view = { index: BigInt(road), number: 0n };
    return { ...base, vote: { ...base.vote, view, laneRanges: [range] } };
  });
}

const CHAINS = [0, 1, 10].flatMap((a) => [0, 10].flatMap((b) => [0, 1, 10].map((c) => chain([a, b, c, 10, 10, 10]))));

/** What is wrong with the bounds that answers up to `next` lead to. */
function beyond({ road, view, anchor }: Reached, next: number, margin = { roads: 0n, lanes: 0n }): string[] {
  const wrong: string[] = [];
  for (const qcs of CHAINS) {
    const reach = { signer, validators: keys, lanes: [], next: BigInt(next), reached: qcs[next - 1] };
    const { logs, lanes } = autobahn.votes.bounds!({ ...reach, following: qcs[next] });
    const [atRoad = 0n, atView = 0n] = logs.get('commit') ?? [];
    const floor = atRoad - margin.roads;
    if (BigInt(road) > floor || (BigInt(road) === floor && BigInt(view) > atView)) wrong.push('rounds');
    const voted = road === 0 ? 0n : globalRange(qcs[road - 1]!.vote).next;
    if (voted > 0n && voted - 1n > logs.get('app')![0]!) wrong.push('app');
    // Later versions of the protocol begin a lane there; 11419398f at the range's first.
    const begin = anchor < 0 ? 0n : qcs[anchor]!.vote.laneRanges[0]!.next;
    if (begin + 29n > (lanes.get(other) ?? -1n) - margin.lanes) wrong.push('lanes');
    assert.not(lanes.has(laneIdOf(signer)));
  }
  return wrong;
}

for (const committee of COMMITTEES) {
  const { validators, liars } = committee;
  test(`N = ${validators}, ${liars} liars: nothing was signed beyond the bounds of any N-f answers`, () => {
    const { states, explored } = reachable(committee);
    const needed = answersNeeded(validators);
    const ahead = { road: 0, view: 0, app: 0 };
    const kinds = new Map<string, readonly [Reached, number]>();
    for (const state of states) {
      const next = lowestAnswer(state, liars, needed);
      kinds.set([state.road, state.view, state.anchor, next].join(), [state, next]);
    }
    for (const [state, next] of kinds.values()) {
      assert.equal(beyond(state, next), [], `${JSON.stringify(state)}, answers up to ${next}`);
      if (state.view === 0) ahead.road = Math.max(ahead.road, state.road - next);
      else ahead.view = Math.max(ahead.view, state.road - next);
      ahead.app = Math.max(ahead.app, state.road - 1 - next);
    }
    // Each bound is reached, so none can be lower.
    assert.equal(ahead, { road: 1, view: 0, app: 0 });
    process.stdout.write(`\n  ${explored} states, ${kinds.size} cases `);
  });

  test(`N = ${validators}, ${liars} liars: bounds that are lower, and fewer answers, miss something`, () => {
    const { states } = reachable(committee);
    const needed = answersNeeded(validators);
    const missing = (answers: number, lying: number, margin?: { roads: bigint; lanes: bigint }) =>
      new Set(states.flatMap((state) => beyond(state, lowestAnswer(state, lying, answers), margin)));
    assert.ok(missing(needed, liars, { roads: 1n, lanes: 0n }).has('rounds'), 'road c+1');
    assert.ok(missing(needed, liars, { roads: 0n, lanes: 1n }).has('lanes'), '28 blocks');
    // One answer less is enough if fewer than f others lie, or N is more than 3f + 1.
    const faults = Math.floor((validators - 1) / 3);
    const isEnough = liars < faults || validators > 3 * faults + 1;
    assert.is(missing(needed - 1, liars).size === 0, isEnough, 'one answer less');
  });
}

test('more than f others that lie, or were restored themselves, hide something', () => {
  const { states } = reachable({ validators: 4, liars: 2, roads: ROADS, views: 1 });
  assert.ok(states.some((state) => beyond(state, lowestAnswer(state, 2, 3)).includes('rounds')));
});

/** Own lane: by a rule, the number from which on it is signed again; false: it signs twice. */
function isSafe(sent: readonly Sent[], next: number): boolean {
  return sent.every(({ number, state }) => state === 'never' || number < next);
}

const RULES: Record<string, (one: Sent) => boolean> = {
  'the last block held': ({ kind, state }) => kind === 'block' && state === 'held',
  'the last block received': ({ kind, state }) => kind === 'block' && (state === 'held' || state === 'waiting'),
  'the last message received': ({ state }) => state === 'held' || state === 'waiting',
};

test('the own lane is signed again above the last message that any peer received, not the last block it holds', () => {
  const counts = new Map(Object.keys(RULES).map((name) => [name, { unsafe: 0, unsafeAllReceived: 0 }]));
  let total = 0;
  for (const sent of ownMessages()) {
    total++;
    const isAllReceived = sent.every(({ state }) => state !== 'under way');
    for (const [name, rule] of Object.entries(RULES)) {
      const next = 1 + Math.max(0, ...sent.filter(rule).map(({ number }) => number));
      if (isSafe(sent, next)) continue;
      const count = counts.get(name)!;
      count.unsafe++;
      if (isAllReceived) count.unsafeAllReceived++;
    }
  }
  process.stdout.write(`\n  ${total} cases, ${JSON.stringify([...counts])} `);
  assert.ok(counts.get('the last block held')!.unsafeAllReceived > 0);
  assert.ok(counts.get('the last block received')!.unsafeAllReceived > 0, 'a vote that arrived before its block');
  assert.is(counts.get('the last message received')!.unsafeAllReceived, 0);
  // A message that is still under way: the connections of the old signer must have ended.
  assert.ok(counts.get('the last message received')!.unsafe > 0);
});

const hex = (key: Uint8Array) => Buffer.from(key).toString('hex');
const answersOf = (...rows: [place: number, next: bigint, own?: bigint][]) =>
  new Map(
    rows.map(([place, next, own]) => [hex(keys[place] as Uint8Array), own === undefined ? { next } : { next, own }]),
  );
const refusal = (...args: Parameters<typeof reachedBy>) => {
  try {
    return JSON.stringify(reachedBy(...args), (_, value) => (typeof value === 'bigint' ? `${value}` : value));
  } catch (error) {
    if (isLanestoreError(error, 'LANESTORE_INVALID')) return error.message;
    throw error;
  }
};

test('too few answers, answers of strangers, and committees in which peers prove nothing are refused', () => {
  assert.equal(reachedBy(signer, keys, answersOf([1, 4n], [2, 6n, 2n], [3, 5n])), { next: 6n, own: undefined });
  assert.equal(reachedBy(signer, keys, answersOf([1, 4n, 1n], [2, 6n, 3n], [3, 5n, 0n])), { next: 6n, own: 3n });
  assert.match(refusal(signer, keys, answersOf([0, 9n], [1, 4n], [2, 6n])), /2 of 3 other validators/);
  assert.match(refusal(signer, keys, new Map([['ff', { next: 1n }]])), /0 of 3/);
  for (const count of [1, 2, 3]) {
    assert.match(refusal(signer, keys.slice(0, count), answersOf([1, 4n], [2, 6n])), /peers prove nothing/);
  }
  assert.match(refusal(new Uint8Array(32), keys, answersOf([1, 4n])), /none of the 4 validators/);
});

test('an empty network has bounds, too', () => {
  const { logs, lanes, own } = autobahn.votes.bounds!({
    ...{ signer, validators: keys, lanes: ['ee'], next: 0n, reached: undefined, following: undefined },
  });
  assert.equal([logs.get('timeout'), logs.has('app'), own], [[1n, 0n], false, laneIdOf(signer)]);
  assert.equal([...lanes.values()], [29n, 29n, 29n, 29n]);
});

test.run();
