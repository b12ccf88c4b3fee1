/**
 * The planner, rule by rule (docs/architecture.md, Rules of the planner), as tables: a state, a
 * round, and the plan in one line or the refusal.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ENTRY_NUMBER_MAX, U64_MAX } from '../../src/keys/index.js';
import { plain, plainAnchor, plainBlock, plainQC } from '../support/plain-model.js';
import { planRound } from '../support/plan.js';
import {
  A37,
  blocks,
  EMPTY_AT_7,
  type Expected,
  expectPlan,
  type Given,
  type Num,
  type PlainRound,
  QC26,
  qcs,
  STORED,
  stateOf,
  WITH_ANCHOR,
} from './planner-table.js';

const test = suite('planner: rules');

type Row = readonly [what: string, given: Given, round: PlainRound, expected: Expected];

function table(rule: string, rows: readonly Row[]): void {
  for (const [what, given, round, expected] of rows) {
    test(`${rule}: ${what}`, () => {
      const state = stateOf(given);
      expectPlan(state, () => planRound(plain, state, round), expected);
    });
  }
}

table('rule 1', [
  ['a lane without a cursor and no anchor begins at 0', {}, { blocks: blocks('0a', 0, 1) }, '0a +0,1 =[0,2)'],
  ['… or at any other number', {}, { blocks: blocks('0a', 41) }, '0a +41 =[41,42)'],
  [
    '… and the next block must continue it',
    {},
    { blocks: blocks('0a', 41, 43) },
    ['OUT_OF_SEQUENCE', /block 43 of lane 0a leaves a gap.*expects block 42$/],
  ],
  ['the next block is appended', A37, { blocks: blocks('0a', 7, 8, 9) }, '0a +7,8,9 =[3,10)'],
  [
    'a duplicate of the newest',
    A37,
    { blocks: blocks('0a', 6) },
    ['OUT_OF_SEQUENCE', /block 6 of lane 0a is stored already.*expects block 7$/],
  ],
  ['a duplicate of the oldest', A37, { blocks: blocks('0a', 3) }, ['OUT_OF_SEQUENCE', /expects block 7$/]],
  [
    'a truncated block',
    A37,
    { blocks: blocks('0a', 2) },
    ['OUT_OF_SEQUENCE', /block 2 of lane 0a .*was truncated.*expects block 7$/],
  ],
  [
    'a duplicate inside of the round',
    A37,
    { blocks: blocks('0a', 7, 7) },
    ['OUT_OF_SEQUENCE', /block 7 .*expects block 8$/],
  ],
  ['a gap', A37, { blocks: blocks('0a', 8) }, ['OUT_OF_SEQUENCE', /block 8 of lane 0a leaves a gap.*expects block 7$/]],
  [
    'a gap after good blocks refuses them too',
    A37,
    { blocks: blocks('0a', 7, 9) },
    ['OUT_OF_SEQUENCE', /expects block 8$/],
  ],
  ['descending blocks', A37, { blocks: blocks('0a', 8, 7) }, ['OUT_OF_SEQUENCE', /block 8/]],
  ['an emptied lane expects its next', EMPTY_AT_7, { blocks: blocks('0a', 7) }, '0a +7 =[7,8)'],
  ['… and nothing else: lower', EMPTY_AT_7, { blocks: blocks('0a', 6) }, ['OUT_OF_SEQUENCE', /expects block 7$/]],
  ['… and nothing else: 0', EMPTY_AT_7, { blocks: blocks('0a', 0) }, ['OUT_OF_SEQUENCE', /expects block 7$/]],
  ['… and nothing else: higher', EMPTY_AT_7, { blocks: blocks('0a', 8) }, ['OUT_OF_SEQUENCE', /expects block 7$/]],
  [
    'one bad lane refuses the good ones as well',
    { lanes: { '0a': [3, 7], '0b': [0, 1] } },
    { blocks: [...blocks('0a', 7), ...blocks('0b', 2)] },
    ['OUT_OF_SEQUENCE', /block 2 of lane 0b .*expects block 1$/],
  ],
  [
    'one bad block refuses anchor, inner and CommitQCs as well',
    A37,
    { anchor: plainAnchor(0), inner: new Uint8Array(1), commitQCs: qcs(1), blocks: blocks('0a', 9) },
    ['OUT_OF_SEQUENCE', /block 9/],
  ],
  [
    'lanes may be mixed',
    A37,
    { blocks: [...blocks('0b', 5), ...blocks('0a', 7), ...blocks('0b', 6)] },
    '0a +7 =[3,8); 0b +5,6 =[5,7)',
  ],
]);

table('rule 1, first block of a lane', [
  ['it is where the stored anchor has it begin', STORED, { blocks: blocks('0a', 12, 13) }, '0a +12,13 =[12,14)'],
  [
    'lower is refused',
    STORED,
    { blocks: blocks('0a', 11) },
    ['OUT_OF_SEQUENCE', /block 11 of lane 0a .*expects block 12$/],
  ],
  ['0 is refused', STORED, { blocks: blocks('0a', 0) }, ['OUT_OF_SEQUENCE', /expects block 12$/]],
  [
    'higher is refused',
    STORED,
    { blocks: blocks('0a', 13) },
    ['OUT_OF_SEQUENCE', /block 13 of lane 0a leaves a gap.*expects block 12$/],
  ],
  ['a stored start of 0 allows any number', STORED, { blocks: blocks('0b', 6) }, '0b +6 =[6,7)'],
  ['a lane that the stored anchor omits may begin at any number', STORED, { blocks: blocks('0c', 6) }, '0c +6 =[6,7)'],
  [
    'the anchor of this round counts, not the stored one',
    STORED,
    { anchor: plainAnchor(5, { '0a': 20 }), blocks: blocks('0a', 20) },
    'anchor 5; qc -[4,5) +5 =[5,6); 0a +20 =[20,21)',
  ],
  [
    '… and the starts of the stored anchor no longer apply',
    STORED,
    { anchor: plainAnchor(5, { '0a': 20 }), blocks: blocks('0a', 12) },
    ['OUT_OF_SEQUENCE', /expects block 20$/],
  ],
  [
    '… also when the new one omits the lane',
    STORED,
    { anchor: plainAnchor(5), blocks: blocks('0a', 3) },
    'anchor 5; qc -[4,5) +5 =[5,6); 0a +3 =[3,4)',
  ],
  [
    'an older anchor does not count',
    STORED,
    { anchor: plainAnchor(3, { '0a': 20 }), blocks: blocks('0a', 12) },
    '0a +12 =[12,13)',
  ],
  [
    '… nor does a start that it would allow',
    STORED,
    { anchor: plainAnchor(3, { '0a': 20 }), blocks: blocks('0a', 20) },
    ['OUT_OF_SEQUENCE', /expects block 12$/],
  ],
  [
    'the first anchor of a store counts in its round',
    {},
    { anchor: plainAnchor(0, { '0a': 5 }), blocks: blocks('0a', 5) },
    'anchor 0; qc +0 =[0,1); 0a +5 =[5,6)',
  ],
]);

table('rule 2', [
  ['the next CommitQCs are appended', QC26, { commitQCs: qcs(6, 7) }, 'qc +6,7 =[2,8)'],
  ['the newest stored one is ignored', QC26, { commitQCs: qcs(5) }, 'nothing'],
  ['a truncated one is ignored', QC26, { commitQCs: qcs(0) }, 'nothing'],
  ['ignored ones among new ones', QC26, { commitQCs: qcs(4, 5, 6, 6, 2, 7) }, 'qc +6,7 =[2,8)'],
  ['a gap', QC26, { commitQCs: qcs(7) }, ['OUT_OF_SEQUENCE', /CommitQC 7 leaves a gap: the QC log expects 6$/]],
  [
    'a gap after good ones',
    QC26,
    { commitQCs: qcs(6, 8) },
    ['OUT_OF_SEQUENCE', /CommitQC 8 leaves a gap: the QC log expects 7$/],
  ],
  ['a log that holds nothing begins at 0', {}, { commitQCs: qcs(0) }, 'qc +0 =[0,1)'],
  ['… and nowhere else without an anchor', {}, { commitQCs: qcs(1) }, ['OUT_OF_SEQUENCE', /expects 0$/]],
  [
    'a gap refuses the blocks as well',
    QC26,
    { commitQCs: qcs(9), blocks: blocks('0a', 0) },
    ['OUT_OF_SEQUENCE', /CommitQC 9/],
  ],
]);

function anchorAt(start: Num, index = 0): PlainRound {
  return { anchor: plainAnchor(index, { '0a': start }) };
}

table('rule 3, lanes', [
  ['f = 0: nothing', A37, anchorAt(0), 'anchor 0; qc +0 =[0,1)'],
  ['f below first: nothing', A37, anchorAt(2), 'anchor 0; qc +0 =[0,1)'],
  ['f = first: nothing', A37, anchorAt(3), 'anchor 0; qc +0 =[0,1)'],
  ['f inside: it is the oldest', A37, anchorAt(5), 'anchor 0; qc +0 =[0,1); 0a -[3,5) =[5,7)'],
  ['f = the newest: it stays', A37, anchorAt(6), 'anchor 0; qc +0 =[0,1); 0a -[3,6) =[6,7)'],
  ['f = next: all go', A37, anchorAt(7), 'anchor 0; qc +0 =[0,1); 0a -[3,7) =[7,7)'],
  [
    'f beyond: all go, next = f',
    A37,
    anchorAt(2n ** 40n),
    'anchor 0; qc +0 =[0,1); 0a -[3,7) =[1099511627776,1099511627776)',
  ],
  ['f beyond an empty lane moves its cursor', EMPTY_AT_7, anchorAt(9), 'anchor 0; qc +0 =[0,1); 0a =[9,9)'],
  ['f at or below the cursor of an empty lane: nothing', EMPTY_AT_7, anchorAt(7), 'anchor 0; qc +0 =[0,1)'],
  [
    'an omitted lane: nothing',
    { lanes: { '0a': [3, 7], '0b': [1, 4] } },
    anchorAt(5),
    'anchor 0; qc +0 =[0,1); 0a -[3,5) =[5,7)',
  ],
  ['a lane without a cursor gets none', {}, anchorAt(5), 'anchor 0; qc +0 =[0,1)'],
  [
    'f = 2^64-1: the lane is full from then on',
    A37,
    anchorAt(U64_MAX),
    `anchor 0; qc +0 =[0,1); 0a -[3,7) =[${U64_MAX},${U64_MAX})`,
  ],
  [
    'all lanes at once, each at its own start',
    { lanes: { '0a': [3, 7], '0b': [0, 9], '0c': [5, 5] } },
    { anchor: plainAnchor(0, { '0a': 4, '0b': 9, '0c': 6 }) },
    'anchor 0; qc +0 =[0,1); 0a -[3,4) =[4,7); 0b -[0,9) =[9,9); 0c =[6,6)',
  ],
]);

table('rule 3, the QC log', [
  ['an anchor at 0 brings its CommitQC along', {}, { anchor: plainAnchor(0) }, 'anchor 0; qc +0 =[0,1)'],
  [
    'an anchor inside truncates; the log holds its CommitQC',
    QC26,
    { anchor: plainAnchor(4) },
    'anchor 4; qc -[2,4) =[4,6)',
  ],
  ['… at first: nothing to do', QC26, { anchor: plainAnchor(2) }, 'anchor 2'],
  ['… below first', QC26, { anchor: plainAnchor(1) }, 'anchor 1'],
  ['… at the newest', QC26, { anchor: plainAnchor(5) }, 'anchor 5; qc -[2,5) =[5,6)'],
  ['… at next: all go, its CommitQC comes', QC26, { anchor: plainAnchor(6) }, 'anchor 6; qc -[2,6) +6 =[6,7)'],
  ['… beyond: all go, its CommitQC comes', QC26, { anchor: plainAnchor(60) }, 'anchor 60; qc -[2,6) +60 =[60,61)'],
  [
    'the CommitQCs of the round follow it',
    QC26,
    { anchor: plainAnchor(60), commitQCs: qcs(60, 61) },
    'anchor 60; qc -[2,6) +60,61 =[60,62)',
  ],
  [
    '… and are checked against the log after it',
    QC26,
    { anchor: plainAnchor(60), commitQCs: qcs(62) },
    ['OUT_OF_SEQUENCE', /expects 61$/],
  ],
  [
    '… so that the number that was next is now ignored',
    QC26,
    { anchor: plainAnchor(60), commitQCs: qcs(6, 7) },
    'anchor 60; qc -[2,6) +60 =[60,61)',
  ],
]);

test('rule 3: the CommitQC inside an anchor belongs to the anchor and has no hook', () => {
  const anchor = plainAnchor(60, { '0a': 1 });
  const plan = planRound(plain, stateOf(QC26), { anchor, commitQCs: qcs(61) });
  assert.is(plan.commitQCs?.append[0], anchor.qc);
  assert.equal(plan.notify.commitQCs, qcs(61));
});

table('rule 4', [
  ['an older anchor changes nothing', WITH_ANCHOR, { anchor: plainAnchor(4, { '0a': 15 }) }, 'nothing'],
  [
    '… but the rest of its round counts',
    WITH_ANCHOR,
    { anchor: plainAnchor(4, { '0a': 15 }), blocks: blocks('0a', 20), commitQCs: qcs(9) },
    'qc +9 =[5,10); 0a +20 =[10,21)',
  ],
  [
    'an equal one applies its truncation again',
    WITH_ANCHOR,
    { anchor: plainAnchor(5, { '0a': 15 }) },
    'anchor 5; 0a -[10,15) =[15,20)',
  ],
  [
    '… and is stored again when there is nothing to truncate',
    WITH_ANCHOR,
    { anchor: plainAnchor(5, { '0a': 10 }) },
    'anchor 5',
  ],
  ['… also with lower starts: cursors never go back', WITH_ANCHOR, { anchor: plainAnchor(5, { '0a': 2 }) }, 'anchor 5'],
  [
    'a newer one with lower starts moves the QC log only',
    WITH_ANCHOR,
    { anchor: plainAnchor(7, { '0a': 2 }) },
    'anchor 7; qc -[5,7) =[7,9)',
  ],
  [
    'truncation comes before appending: a block continues the truncated lane',
    WITH_ANCHOR,
    { anchor: plainAnchor(9, { '0a': 30 }), blocks: blocks('0a', 30, 31) },
    'anchor 9; qc -[5,9) +9 =[9,10); 0a -[10,20) +30,31 =[30,32)',
  ],
  [
    '… so the previous next number is refused',
    WITH_ANCHOR,
    { anchor: plainAnchor(9, { '0a': 30 }), blocks: blocks('0a', 20) },
    ['OUT_OF_SEQUENCE', /block 20 .*was truncated.*expects block 30$/],
  ],
  [
    '… and a start at next joins both without a gap',
    WITH_ANCHOR,
    { anchor: plainAnchor(6, { '0a': 20 }), blocks: blocks('0a', 20) },
    'anchor 6; qc -[5,6) =[6,9); 0a -[10,20) +20 =[20,21)',
  ],
]);

table('limits', [
  [
    '2^64-2 is the highest number',
    { lanes: { '0a': [5, ENTRY_NUMBER_MAX] } },
    { blocks: blocks('0a', ENTRY_NUMBER_MAX) },
    `0a +${ENTRY_NUMBER_MAX} =[5,${U64_MAX})`,
  ],
  [
    '… also as the first of a lane',
    {},
    { blocks: blocks('0a', ENTRY_NUMBER_MAX) },
    `0a +${ENTRY_NUMBER_MAX} =[${ENTRY_NUMBER_MAX},${U64_MAX})`,
  ],
  [
    'then the lane is full',
    { lanes: { '0a': [5, U64_MAX] } },
    { blocks: blocks('0a', ENTRY_NUMBER_MAX) },
    ['OUT_OF_SEQUENCE', /the lane is full/],
  ],
  [
    '2^64-1 is not a block number',
    { lanes: { '0a': [5, U64_MAX] } },
    { blocks: blocks('0a', U64_MAX) },
    ['INVALID', /block number in lane 0a/],
  ],
  ['2^64 is not a block number either', {}, { blocks: blocks('0a', U64_MAX + 1n) }, ['INVALID', /block number/]],
  ['nor is -1', {}, { blocks: blocks('0a', -1n) }, ['INVALID', /block number/]],
  [
    '2^64-2 is the highest road index',
    { qc: [0, ENTRY_NUMBER_MAX] },
    { commitQCs: qcs(ENTRY_NUMBER_MAX) },
    `qc +${ENTRY_NUMBER_MAX} =[0,${U64_MAX})`,
  ],
  ['2^64-1 is no road index', { qc: [0, U64_MAX] }, { commitQCs: qcs(U64_MAX) }, ['INVALID', /road index/]],
  [
    'a full QC log ignores CommitQCs that it holds',
    { qc: [0, U64_MAX] },
    { commitQCs: qcs(ENTRY_NUMBER_MAX) },
    'nothing',
  ],
  ['2^64-1 is no index of an anchor', {}, { anchor: plainAnchor(U64_MAX) }, ['INVALID', /road index of the anchor/]],
  [
    'an anchor at 2^64-2 fills the QC log',
    QC26,
    { anchor: plainAnchor(ENTRY_NUMBER_MAX) },
    `anchor ${ENTRY_NUMBER_MAX}; qc -[2,6) +${ENTRY_NUMBER_MAX} =[${ENTRY_NUMBER_MAX},${U64_MAX})`,
  ],
  ['a lane start is a u64', {}, anchorAt(U64_MAX + 1n), ['INVALID', /first block of lane 0a/]],
  ['a lane of an anchor is a lane id', {}, { anchor: plainAnchor(0, { XY: 1 }) }, ['INVALID', /lane "XY"/]],
  [
    'a lane of a block is a lane id',
    {},
    { blocks: [{ ...plainBlock('0a', 0), lane: '0A' }] },
    ['INVALID', /lane "0A"/],
  ],
  [
    'AppQC and CommitQC of an anchor must agree',
    {},
    { anchor: { index: 4n, qc: plainQC(5) } },
    ['INVALID', /road index 4.*5/],
  ],
  ['… in an old anchor too', WITH_ANCHOR, { anchor: { index: 1n, qc: plainQC(2) } }, ['INVALID', /road index 1/]],
  [
    'a block that the model refuses',
    {},
    { blocks: [{ lane: '0a', number: 0n, data: 1 as never }] },
    ['INVALID', /data is not bytes/],
  ],
  [
    'a CommitQC that the model refuses, ignored or not',
    QC26,
    { commitQCs: [{ index: 3n, starts: 1 as never }] },
    ['INVALID', /starts/],
  ],
  ['an anchor that the model refuses', {}, { anchor: { index: 3n, qc: 1 as never } }, ['INVALID', /anchor.qc/]],
]);

table('absent parts', [
  ['an empty round', A37, {}, 'nothing'],
  [
    'parts that are undefined',
    A37,
    { anchor: undefined, inner: undefined, commitQCs: undefined, blocks: undefined },
    'nothing',
  ],
  ['parts without entries', A37, { commitQCs: [], blocks: [] }, 'nothing'],
  ['inner alone, even empty, is stored', A37, { inner: new Uint8Array(0) }, 'inner 0'],
]);

test.run();
