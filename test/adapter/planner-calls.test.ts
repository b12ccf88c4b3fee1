/**
 * The planner for the lane side and the QC side of the port: notifications and resulting state of a
 * plan.
 */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { advance } from '../../src/adapter/planner.js';
import { U64_MAX } from '../../src/keys/index.js';
import { type PlainBlock, type PlainQC, plain, plainAnchor, plainBlock, plainQC } from '../support/plain-model.js';
import { planCommitQCs, planLane, planRound } from '../support/plan.js';
import {
  A37,
  blocks,
  type Expected,
  expectPlan,
  type Given,
  QC26,
  qcs,
  STORED,
  show,
  snapshot,
  stateOf,
  WITH_ANCHOR,
} from './planner-table.js';

const test = suite('planner: calls');

type LaneRow = readonly [string, Given, readonly [lane: string, anchorQC: PlainQC | undefined, PlainBlock[]], Expected];

const LANE_ROWS: readonly LaneRow[] = [
  [
    'it truncates its lane only',
    { lanes: { '0a': [3, 7], '0b': [3, 7] }, qc: [0, 2] },
    ['0a', plainQC(9, { '0a': 5, '0b': 6 }), []],
    '0a -[3,5) =[5,7)',
  ],
  ['it truncates, then appends', A37, ['0a', plainQC(9, { '0a': 9 }), blocks('0a', 9, 10)], '0a -[3,7) +9,10 =[9,11)'],
  [
    'a CommitQC that omits the lane does nothing',
    A37,
    ['0a', plainQC(9, { '0b': 9 }), blocks('0a', 7)],
    '0a +7 =[3,8)',
  ],
  [
    'a lane without a cursor begins where the CommitQC has it begin',
    {},
    ['0a', plainQC(9, { '0a': 4 }), blocks('0a', 4)],
    '0a +4 =[4,5)',
  ],
  ['… and nowhere else', {}, ['0a', plainQC(9, { '0a': 4 }), blocks('0a', 5)], ['OUT_OF_SEQUENCE', /expects block 4$/]],
  ['… at any number when it is omitted', {}, ['0a', plainQC(9), blocks('0a', 5)], '0a +5 =[5,6)'],
  [
    '… at the higher of CommitQC and stored anchor',
    STORED,
    ['0a', plainQC(9, { '0a': 4 }), blocks('0a', 12)],
    '0a +12 =[12,13)',
  ],
  ['… whichever that is', STORED, ['0a', plainQC(9, { '0a': 14 }), blocks('0a', 14)], '0a +14 =[14,15)'],
  ['… and gets no cursor without a block', {}, ['0a', plainQC(9, { '0a': 4 }), []], 'nothing'],
  ['without a CommitQC it only appends', A37, ['0a', undefined, blocks('0a', 7)], '0a +7 =[3,8)'],
  [
    'a block of another lane',
    A37,
    ['0a', undefined, [...blocks('0a', 7), ...blocks('0b', 0)]],
    ['WRONG_LANE', /block 0 is of lane 0b, not of lane 0a/],
  ],
  ['a duplicate', A37, ['0a', undefined, blocks('0a', 6)], ['OUT_OF_SEQUENCE', /expects block 7$/]],
  [
    'a gap after a truncation',
    A37,
    ['0a', plainQC(9, { '0a': 10 }), blocks('0a', 11)],
    ['OUT_OF_SEQUENCE', /expects block 10$/],
  ],
  ['an invalid lane id', {}, ['0A', undefined, []], ['INVALID', /lane "0A"/]],
  ['a CommitQC that the model refuses', A37, ['0a', { index: 1n, starts: 1 as never }, []], ['INVALID', /starts/]],
  ['it stores no anchor', WITH_ANCHOR, ['0a', plainQC(6, { '0a': 12 }), []], '0a -[10,12) =[12,20)'],
];

for (const [what, given, [lane, anchorQC, list], expected] of LANE_ROWS) {
  test(`planLane: ${what}`, () => {
    const state = stateOf(given);
    expectPlan(state, () => planLane(plain, state, lane, anchorQC, list), expected);
  });
}

type QCRow = readonly [string, Given, readonly [anchorQC: PlainQC | undefined, PlainQC[]], Expected];

const QC_ROWS: readonly QCRow[] = [
  ['it truncates to the CommitQC, which the log holds', QC26, [plainQC(4), []], 'qc -[2,4) =[4,6)'],
  ['it touches no lane', { ...QC26, ...A37 }, [plainQC(4, { '0a': 5 }), []], 'qc -[2,4) =[4,6)'],
  ['the CommitQC comes if it is next', QC26, [plainQC(6), []], 'qc -[2,6) +6 =[6,7)'],
  ['… or beyond', QC26, [plainQC(10), qcs(10, 11)], 'qc -[2,6) +10,11 =[10,12)'],
  ['… also at 0', {}, [plainQC(0), []], 'qc +0 =[0,1)'],
  ['at or below first it does nothing', QC26, [plainQC(1), qcs(6)], 'qc +6 =[2,7)'],
  ['progressive truncations', { qc: [2, 8] }, [plainQC(5), []], 'qc -[2,5) =[5,8)'],
  ['without one it only appends', QC26, [undefined, qcs(5, 6)], 'qc +6 =[2,7)'],
  ['a gap', QC26, [plainQC(4), qcs(7)], ['OUT_OF_SEQUENCE', /expects 6$/]],
  ['2^64-1', QC26, [plainQC(U64_MAX), []], ['INVALID', /road index/]],
  ['nothing at all', QC26, [undefined, []], 'nothing'],
];

for (const [what, given, [anchorQC, list], expected] of QC_ROWS) {
  test(`planCommitQCs: ${what}`, () => {
    const state = stateOf(given);
    expectPlan(state, () => planCommitQCs(plain, state, anchorQC, list), expected);
  });
}

test('notify lists the entries as given, in order: an old anchor too, and ignored CommitQCs too', () => {
  const round = {
    anchor: plainAnchor(1),
    commitQCs: qcs(8, 9, 5),
    blocks: [...blocks('0b', 4), ...blocks('0a', 20), ...blocks('0b', 5)],
  };
  const { notify } = planRound(plain, stateOf(WITH_ANCHOR), round);
  assert.is(notify.anchor, round.anchor);
  assert.equal(notify.commitQCs, round.commitQCs);
  assert.equal(notify.blocks, round.blocks);
  assert.is(notify.blocks[1], round.blocks[1], 'the caller’s own objects');
});

test('an anchor may list lanes in any order and more than once: the last start of a lane counts', () => {
  const lanes = ['0a', '0b', '0c', '0d'];
  const list = fc.array(fc.tuple(fc.constantFrom(...lanes), fc.bigInt(0n, 9n)), { maxLength: 8 });
  const state = stateOf({ lanes: { '0a': [2, 6], '0b': [4, 4], '0c': [0, 9] } });
  const plan = (starts: [string, bigint][]) =>
    planRound(plain, state, { anchor: { index: 3n, qc: { index: 3n, starts } } });
  fc.assert(
    fc.property(list, (starts) => {
      const once = [...new Map(starts)].sort(([a], [b]) => (a < b ? -1 : 1));
      assert.is(show(plan(starts)), show(plan(once)));
      assert.equal(new Map(plan(starts).anchor?.point.laneStarts), new Map(starts));
    }),
    { numRuns: 500 },
  );
});

test('advance makes a plan the new state; a plan made before that is outdated', () => {
  const state = stateOf(WITH_ANCHOR);
  const round = { anchor: plainAnchor(9, { '0a': 30 }), blocks: [...blocks('0a', 30), ...blocks('0b', 4)] };
  advance(state, planRound(plain, state, round));
  assert.is(
    snapshot(state),
    snapshot(stateOf({ lanes: { '0a': [30, 31], '0b': [4, 5] }, qc: [9, 10], anchor: plainAnchor(9, { '0a': 30 }) })),
  );
  expectPlan(state, () => planRound(plain, state, round), [
    'OUT_OF_SEQUENCE',
    /block 30 of lane 0a .*expects block 31$/,
  ]);
});

test('the arrays of a plan are copies: later changes by the caller do not affect it', () => {
  const list = blocks('0a', 7);
  const certificates = qcs(0);
  const plan = planRound(plain, stateOf(A37), { blocks: list, commitQCs: certificates });
  list.push(plainBlock('0a', 9));
  certificates.push(plainQC(5));
  assert.is(show(plan), 'qc +0 =[0,1); 0a +7 =[3,8)');
  assert.is(plan.notify.blocks.length + plan.notify.commitQCs.length, 2);
});

test.run();
