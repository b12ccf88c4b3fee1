/** The rules of votes, one by one, and how a round with votes is refused. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROUND_VOTES_MAX } from '../../src/adapter/arguments.js';
import { advance, emptyState, isNoop, type PlanState } from '../../src/adapter/index.js';
import type { StoredVotes } from '../../src/adapter/level/format/votes.js';
import type { Cursor, Quarantine, VoteState } from '../../src/adapter/persistence.js';
import {
  changedVotes,
  checkLaneFloors,
  comparePositions,
  judge,
  LANE_FLOORS_MAX,
  NO_VOTES,
  type PlacedVote,
  planVotes,
  withLaneFloors,
  withQuarantine,
} from '../../src/adapter/vote-rules.js';
import { isLanestoreError, type LanestoreError, type LanestoreErrorCode } from '../../src/errors.js';
import { laneId, U64_MAX } from '../../src/keys/index.js';
import type { Position, VotePart } from '../../src/model/model.js';
import { plain, plainAnchor, plainBlock, plainQC, plainVote } from '../support/plain-model.js';
import { planRound } from '../support/plan.js';

const test = suite('votes: rules');

const OPEN: VoteState = { ...NO_VOTES, signer: new Uint8Array(32) };

function vote(log: string, at: Position, fill: number, more: Partial<PlacedVote> = {}): PlacedVote {
  return { log, part: 'rounds', at, before: [], needs: 0n, digest: new Uint8Array(32).fill(fill), ...more };
}

const WHEN = '2026-11-27T00:00:00.000Z';
const closing = (parts: readonly VotePart[], why: string): Quarantine => ({ parts, why, when: WHEN });

function stateOf(...votes: PlacedVote[]): VoteState {
  return changedVotes(OPEN, { watermarks: planVotes(OPEN, votes, U64_MAX) });
}

/** What `call` throws, with that code. */
function thrown(code: LanestoreErrorCode, call: () => unknown): LanestoreError {
  try {
    call();
  } catch (error) {
    if (!isLanestoreError(error, code)) throw error;
    return error;
  }
  throw new Error(`nothing was thrown, expected ${code}`);
}

test('positions compare number by number', () => {
  const ascending: Position[] = [
    [0n, 0n, 0n],
    [0n, 0n, U64_MAX],
    [0n, 1n, 0n],
    [0n, U64_MAX, 0n],
    [1n, 0n, 0n],
    [U64_MAX, 0n, 0n],
  ];
  for (const [i, a] of ascending.entries()) {
    for (const [j, b] of ascending.entries()) assert.is(Math.sign(comparePositions(a, b)), Math.sign(i - j));
  }
});

test('positions of different logs have no order: never an answer that could let a vote through', () => {
  for (const [a, b] of [
    [[1n], [1n, 0n]],
    [[], []],
  ] as [Position, Position][])
    assert.throws(() => comparePositions(a, b), RangeError);
});

test('a log takes votes upward, each place once, the last one again', () => {
  const state = stateOf(vote('prepare', [3n, 1n], 1));
  const verdict = (at: Position, fill: number) => judge(state, vote('prepare', at, fill), 9n);
  assert.is(verdict([3n, 1n], 1), 'again');
  assert.is(verdict([3n, 1n], 2), 'differs');
  assert.is(verdict([3n, 0n], 1), 'passed');
  assert.is(verdict([2n, 9n], 1), 'passed');
  assert.is(verdict([3n, 2n], 1), 'new');
  assert.is(verdict([4n, 0n], 1), 'new');
});

test('nothing at or below a floor, not even the watermark; the rest goes on above it', () => {
  const { logs } = stateOf(vote('prepare', [3n, 1n], 1));
  const watermark = logs.get('prepare')?.watermark;
  const state: VoteState = { ...OPEN, logs: new Map([['prepare', { watermark, floor: [3n, 1n] }]]) };
  for (const at of [
    [3n, 1n],
    [3n, 0n],
    [0n, 0n],
  ] as Position[]) {
    assert.is(judge(state, vote('prepare', at, 1), 9n), 'floor');
  }
  assert.is(judge(state, vote('prepare', [3n, 2n], 1), 9n), 'new');
});

test('what it must come before: a watermark or a floor there, or above, excludes it', () => {
  const next = vote('commit', [3n, 1n], 1, {
    before: [
      ['prepare', [3n, 2n]],
      ['timeout', [3n, 1n]],
    ],
  });
  assert.is(judge(OPEN, next, 9n), 'new');
  assert.is(judge(stateOf(vote('prepare', [3n, 1n], 1)), next, 9n), 'new');
  assert.is(judge(stateOf(vote('prepare', [3n, 2n], 1)), next, 9n), 'excluded');
  assert.is(judge(stateOf(vote('timeout', [4n, 0n], 1)), next, 9n), 'excluded');
  const floor = (at: Position): VoteState => ({
    ...OPEN,
    logs: new Map([['timeout', { watermark: undefined, floor: at }]]),
  });
  assert.is(judge(floor([3n, 0n]), next, 9n), 'new');
  assert.is(judge(floor([3n, 1n]), next, 9n), 'excluded');
});

test('rules come in their order', () => {
  const closed = withQuarantine(stateOf(vote('prepare', [3n, 1n], 1)), closing(['rounds'], 'a copy'));
  const late = vote('prepare', [3n, 1n], 2, { needs: 5n });
  assert.is(judge(closed, late, 4n), 'quarantined');
  assert.is(judge({ ...closed, quarantine: undefined }, late, 4n), 'early');
  assert.is(judge({ ...closed, quarantine: undefined }, late, 5n), 'differs');
  assert.is(judge({ ...closed, signer: undefined, quarantine: undefined }, late, 5n), 'quarantined');
});

test('a quarantine closes its parts and no others; a part stays closed, the first reason stays first', () => {
  const once = withQuarantine(OPEN, closing(['app'], 'first'));
  assert.is(judge(once, vote('prepare', [0n], 1), 0n), 'new');
  assert.is(judge(once, vote('app', [0n], 1, { part: 'app' }), 0n), 'quarantined');
  assert.is(withQuarantine(once, closing(['app'], 'again')), once);
  const twice = withQuarantine(once, closing(['app', 'own'], 'second'));
  assert.equal(twice.quarantine, { parts: ['app', 'own'], why: 'first; second', when: WHEN });
  assert.is(withQuarantine(OPEN, closing(['own'], 'x'.repeat(5000))).quarantine?.why.length, 1024);
});

test('the votes of a round are judged each against those before it, and refused as a whole', () => {
  const round = [vote('prepare', [1n, 0n], 1), vote('commit', [1n, 0n], 1), vote('prepare', [1n, 0n], 1)];
  const plan = planVotes(OPEN, round, 9n);
  assert.equal([...plan.keys()], ['prepare', 'commit']);
  const twice = [...round, vote('commit', [1n, 0n], 2)];
  const { findings, message } = thrown('LANESTORE_CONFLICT', () => planVotes(OPEN, twice, 9n));
  assert.equal(
    findings?.map(({ kind, log }) => [kind, log]),
    [['differs', 'commit']],
  );
  assert.match(message, /\(1, 0\) of log commit/);
});

test('each refusal has its code, and names the vote or floor that excludes it', () => {
  const state = stateOf(vote('prepare', [3n, 1n], 1));
  const refusal = (code: LanestoreErrorCode, of: VoteState, next: PlacedVote) => {
    const { message, findings = [] } = thrown(code, () => planVotes(of, [next], 4n));
    return [message, ...findings.map(({ kind }) => kind)].join(' | ');
  };
  assert.match(refusal('LANESTORE_CONFLICT', state, vote('prepare', [2n, 0n], 1)), /\(3, 1\) \| passed$/);
  assert.match(
    refusal('LANESTORE_CONFLICT', state, vote('commit', [2n, 0n], 1, { before: [['prepare', [2n, 1n]]] })),
    /before \(2, 1\) of log prepare.* \| excluded$/,
  );
  const floor: VoteState = { ...OPEN, logs: new Map([['prepare', { watermark: undefined, floor: [7n, 0n] }]]) };
  assert.match(refusal('LANESTORE_CONFLICT', floor, vote('prepare', [7n, 0n], 1)), /\(7, 0\) \| floor$/);
  assert.match(refusal('LANESTORE_OUT_OF_SEQUENCE', state, vote('prepare', [5n, 0n], 1, { needs: 5n })), /CommitQC 4/);
  assert.match(refusal('LANESTORE_QUARANTINED', NO_VOTES, vote('prepare', [5n, 0n], 1)), /no key/);
  assert.match(
    refusal('LANESTORE_QUARANTINED', withQuarantine(OPEN, closing(['rounds'], 'a copy')), vote('prepare', [5n, 0n], 1)),
    /a copy/,
  );
});

const cursor = (first: bigint, next: bigint): Cursor => ({ first, next });

test('a lane that is dropped leaves its last number as a floor, which never falls', () => {
  const once = withLaneFloors(
    OPEN,
    ['0a', '0b', '0c'],
    new Map([
      ['0a', cursor(3n, 8n)],
      ['0b', cursor(0n, 0n)],
    ]),
  );
  assert.equal([...once.laneFloors], [['0a', 7n]]);
  assert.is(withLaneFloors(once, ['0a'], new Map([['0a', cursor(0n, 4n)]])), once);
  const higher = withLaneFloors(once, ['0a'], new Map([['0a', cursor(0n, 9n)]]));
  assert.equal([...higher.laneFloors], [['0a', 8n]]);
});

test('a floor below the first block that its lane holds is left out', () => {
  const state: VoteState = {
    ...OPEN,
    laneFloors: new Map([
      ['0a', 7n],
      ['0b', 7n],
    ]),
  };
  const lanes = new Map([
    ['0a', cursor(8n, 9n)],
    ['0b', cursor(7n, 9n)],
    ['0c', cursor(1n, 2n)],
  ]);
  assert.equal(
    [...withLaneFloors(state, ['0c'], lanes).laneFloors],
    [
      ['0b', 7n],
      ['0c', 1n],
    ],
  );
});

test('floors of dropped lanes are bounded', () => {
  const ids = Array.from({ length: LANE_FLOORS_MAX + 1 }, (_, i) => i.toString(16).padStart(8, '0'));
  const lanes = new Map(ids.map((lane) => [lane, cursor(0n, 1n)] as const));
  const full = withLaneFloors(OPEN, ids.slice(1), lanes);
  assert.is(full.laneFloors.size, LANE_FLOORS_MAX);
  checkLaneFloors(full);
  thrown('LANESTORE_CAPACITY', () => checkLaneFloors(withLaneFloors(full, ids, lanes)));
});

// --- a round

const fresh = (): PlanState => ({ ...emptyState(), votes: OPEN });
const planned = (votes: unknown[], state = fresh()) => planRound(plain, state, { votes });

test('a round with votes has inner beside them and nothing else', () => {
  const votes = [plainVote('step', [0n, 0n])];
  const plan = planRound(plain, fresh(), { votes, inner: new Uint8Array(1) });
  assert.is(plan.votes?.watermarks?.size, 1);
  assert.not.ok(isNoop(plan));
  for (const part of [{ anchor: plainAnchor(0) }, { commitQCs: [plainQC(0)] }, { blocks: [plainBlock('0a', 0)] }]) {
    thrown('LANESTORE_INVALID', () => planRound(plain, fresh(), { votes, ...part }));
  }
});

test('a vote that was given is accepted again, and moves nothing', () => {
  const state = fresh();
  const given = plainVote('step', [0n, 0n]);
  advance(state, planned([given], state));
  const again = planned([given], state);
  assert.ok(isNoop(again));
  assert.equal(
    again.notify.votes?.map(({ vote: of }) => of),
    [given],
  );
});

test('a backend without votes, and a model without votes, refuse the round', () => {
  const { votes: _, ...withoutVotes } = plain;
  const round = { votes: [plainVote('step', [0n, 0n])] };
  thrown('LANESTORE_INVALID', () => planRound(plain, emptyState(), round));
  thrown('LANESTORE_INVALID', () => planRound(withoutVotes, fresh(), round));
});

test('unknown logs, positions of a wrong arity or out of range, votes of lanes: LANESTORE_INVALID', () => {
  const bad = [
    plainVote('other', [0n, 0n]),
    plainVote('toString', [0n, 0n]),
    plainVote('step', [0n]),
    plainVote('step', [0n, 0n, 0n]),
    plainVote('step', [0n, U64_MAX + 1n]),
    plainVote('step', [0n, -1n]),
    plainVote('step', [0n, 0n], { before: [['other', [0n, 0n]]] }),
    plainVote('step', [0n, 0n], { before: [['app', [0n, 0n]]] }),
    plainVote('step', [0n, 0n], { before: new Array(17).fill(['step', [0n, 0n]]) }),
    plainVote('step', [0n, 0n], { needs: -1n }),
    plainVote('step', [0n, 0n], { digest: new Uint8Array(31) }),
    { lane: '0a', number: 0n, part: 'lanes', hash: new Uint8Array(32) },
    { lane: '0a', number: 0n, part: 'own', hash: new Uint8Array(32) },
    undefined,
    'vote',
  ];
  for (const vote of bad) thrown('LANESTORE_INVALID', () => planned([vote]));
});

test('an endless iterable of votes is read no further than the bound', () => {
  let read = 0;
  function* endless() {
    for (;;) {
      read++;
      yield plainVote('step', [0n, 0n]);
    }
  }
  thrown('LANESTORE_INVALID', () => planRound(plain, fresh(), { votes: endless() }));
  assert.is(read, ROUND_VOTES_MAX + 1);
});

test('what was judged is a copy: a vote that changes later changes nothing', () => {
  const at = [1n, 0n];
  const digest = new Uint8Array(32).fill(1);
  const plan = planned([plainVote('step', at, { digest })]);
  at[0] = 0n;
  digest.fill(2);
  assert.equal(plan.votes?.watermarks?.get('step'), { at: [1n, 0n], digest: new Uint8Array(32).fill(1) });
});

test('each number of a position is read once: what is kept was checked', () => {
  const changing = (first: unknown, later: unknown): bigint[] => {
    let reads = 0;
    return Object.defineProperty([0n, 0n], 1, { get: () => (reads++ === 0 ? first : later) });
  };
  const sound = plainVote('step', [0n, 0n]);
  const plan = planned([{ ...sound, at: changing(1n, 'x'), before: [['view', changing(2n, -1n)]] }]);
  assert.equal(plan.votes?.watermarks?.get('step')?.at, [0n, 1n]);
  thrown('LANESTORE_INVALID', () => planned([{ ...sound, at: changing('x', 1n) }]));
});

test('the state after a change: the same object when it is asked for again, of the same state only', () => {
  const change = { watermarks: planVotes(OPEN, [vote('step', [1n, 0n], 1)], 9n) };
  const after = changedVotes(OPEN, change);
  assert.is(changedVotes(OPEN, change), after);
  const floored = { ...OPEN, laneFloors: new Map([[laneId('0a'), 7n]]) };
  assert.equal(changedVotes(floored, change), { ...after, laneFloors: floored.laneFloors });
  const other = { watermarks: planVotes(OPEN, [vote('step', [2n, 0n], 1)], 9n) };
  assert.equal(changedVotes(OPEN, other).logs.get('step')?.watermark?.at, [2n, 0n]);
  assert.equal(changedVotes(OPEN, {}), OPEN);
});

test('a change keeps everything else that a state holds', () => {
  // Required: a field that is added to the state is missing here, and then must be kept.
  const state: Required<StoredVotes> = {
    signer: new Uint8Array(32),
    logs: new Map([
      ['app', { watermark: undefined, floor: [3n] }],
      ['step', { watermark: { at: [1n, 0n], digest: new Uint8Array(32) }, floor: [0n, 7n] }],
    ]),
    laneFloors: new Map([[laneId('0a'), 7n]]),
    quarantine: { ...closing(['own'], 'a test'), seq: 4n },
    home: [5n, 6n],
    sinks: { names: ['a'], quorum: 1 },
    heirOf: [{ store: new Uint8Array(16), seq: 9n }],
  };
  const step = { at: [2n, 0n], digest: new Uint8Array(32).fill(1) };
  const view = { at: [0n, 1n], digest: new Uint8Array(32).fill(2) };
  const after = changedVotes(state, {
    watermarks: new Map([
      ['view', view],
      ['step', step],
    ]),
  });
  const logs: typeof state.logs = new Map([
    ['app', { watermark: undefined, floor: [3n] }],
    ['step', { watermark: step, floor: [0n, 7n] }],
    ['view', { watermark: view, floor: undefined }],
  ]);
  assert.equal(after, { ...state, logs });
  assert.equal([...after.logs.keys()], ['app', 'step', 'view']);
  assert.equal(changedVotes(state, { sinks: null }), { ...state, sinks: undefined });
  const signer = new Uint8Array(32).fill(3);
  assert.equal(changedVotes(state, { signer }), { ...state, signer });
});

test.run();
