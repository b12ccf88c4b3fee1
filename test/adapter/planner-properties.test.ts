/** The planner: properties of every state and every round. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { advance, emptyState, type LogPlan, type PlanState } from '../../src/adapter/planner.js';
import type { Plan } from '../../src/adapter/round-plan.js';
import { isLanestoreError } from '../../src/errors.js';
import { U64_MAX } from '../../src/keys/index.js';
import { SEED } from '../support/history.js';
import {
  LANES,
  type PlainAnchor,
  type PlainBlock,
  type PlainQC,
  plain,
  plainAnchor,
  plainBlock,
  plainQC,
} from '../support/plain-model.js';
import { planCommitQCs, planLane, planRound } from '../support/plan.js';

const test = suite('planner: properties');

type PlainPlan = Plan<PlainBlock, PlainQC, PlainAnchor>;
type Call = (state: PlanState) => PlainPlan;

/** Small numbers collide often; the ends of the range test overflow. */
const number = fc.oneof(
  { weight: 12, arbitrary: fc.bigInt(0n, 12n) },
  { weight: 1, arbitrary: fc.bigInt(0n, U64_MAX) },
  { weight: 1, arbitrary: fc.bigInt(U64_MAX - 3n, U64_MAX) },
);
const lane = fc.constantFrom(...LANES.slice(0, 3));
const starts = fc.dictionary(lane, number, { noNullPrototype: true });
const qc = fc.tuple(number, starts).map(([index, of]) => plainQC(index, of));
const anchor = fc.tuple(number, starts).map(([index, of]) => plainAnchor(index, of));
const run = fc
  .tuple(lane, number, fc.nat(4))
  .map(([of, first, count]) => Array.from({ length: count }, (_, i) => plainBlock(of, first + BigInt(i))));
const blocks = fc.array(run, { maxLength: 3 }).map((runs) => runs.flat());
const qcs = fc.array(qc, { maxLength: 3 });

const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const call: fc.Arbitrary<Call> = fc.oneof(
  fc
    .record({ anchor: optional(anchor), commitQCs: optional(qcs), blocks: optional(blocks) })
    .map((round) => (state: PlanState) => planRound(plain, state, round)),
  fc.tuple(lane, optional(qc), run).map((args) => (state: PlanState) => planLane(plain, state, ...args)),
  fc.tuple(optional(qc), qcs).map((args) => (state: PlanState) => planCommitQCs(plain, state, ...args)),
);

/** Cursors and anchor as text. */
function snapshot(state: PlanState): string {
  const point = state.anchor && [state.anchor.index, [...state.anchor.laneStarts]];
  return JSON.stringify([[...state.lanes], state.commitQCs, point], (_, v) => (typeof v === 'bigint' ? `${v}n` : v));
}

/** The plan, or undefined for a refused call. Checks that the state did not change. */
function attempt(state: PlanState, next: Call): PlainPlan | undefined {
  const before = snapshot(state);
  for (const cursor of [state.commitQCs, ...state.lanes.values()]) Object.freeze(cursor);
  try {
    return next(state);
  } catch (error) {
    if (!isLanestoreError(error)) throw error;
    return undefined;
  } finally {
    assert.is(snapshot(state), before, 'planning is pure');
  }
}

/** Runs the accepted calls and checks each plan. */
function history(calls: readonly Call[], look: (state: PlanState, plan: PlainPlan, next: Call) => void): PlanState {
  const state = emptyState();
  for (const next of calls) {
    const plan = attempt(state, next);
    if (plan === undefined) continue;
    look(state, plan, next);
    advance(state, plan);
  }
  return state;
}

function logsOf(plan: PlainPlan): [LogPlan<unknown>, bigint[]][] {
  const lanes = [...plan.lanes.values()].map(
    (log) => [log, log.append.map((block) => block.number)] as [LogPlan<unknown>, bigint[]],
  );
  const log = plan.commitQCs;
  return log === undefined ? lanes : [[log, log.append.map(({ index }) => index)], ...lanes];
}

function holds(property: fc.IProperty<[Call[]]>): void {
  fc.assert(property, { numRuns: 400, seed: SEED });
}

const calls = fc.array(call, { maxLength: 12 });

test('cursors never go back, and first <= next always', () => {
  holds(
    fc.property(calls, (list) => {
      history(list, (state, plan) => {
        const before = new Map(state.lanes);
        const log = state.commitQCs;
        const after = { ...state, lanes: new Map(state.lanes) };
        advance(after, plan);
        for (const [of, { first, next }] of after.lanes) {
          assert.ok(first <= next && next <= U64_MAX);
          assert.ok(first >= (before.get(of)?.first ?? 0n) && next >= (before.get(of)?.next ?? 0n));
        }
        assert.is(
          [...before.keys()].every((of) => after.lanes.has(of)),
          true,
          'no lane is forgotten',
        );
        assert.ok(after.commitQCs.first >= log.first && after.commitQCs.next >= log.next);
        assert.ok(after.commitQCs.first <= after.commitQCs.next);
        assert.ok((after.anchor?.index ?? -1n) >= (state.anchor?.index ?? -1n), 'the anchor does not go back');
      });
    }),
  );
});

test('only entries in the log are truncated, oldest first; neither the rest nor the appended entries have a gap', () => {
  holds(
    fc.property(calls, (list) => {
      history(list, (_, plan) => {
        for (const [{ before, truncate, after }, appended] of logsOf(plan)) {
          assert.ok(truncate.first <= truncate.next);
          if (before === undefined) {
            assert.is(truncate.first, truncate.next);
            assert.is(appended[0], after.first, 'a lane begins with a block');
          } else {
            assert.ok(truncate.first === before.first && truncate.next <= before.next);
            assert.ok(after.first === truncate.next || truncate.next === before.next, 'nothing between them stays');
          }
          for (const [i, at] of appended.entries()) assert.is(at, after.next - BigInt(appended.length - i));
        }
      });
    }),
  );
});

test('after an anchor nothing below it is held, and the QC log begins with its CommitQC', () => {
  holds(
    fc.property(calls, (list) => {
      history(list, (state, plan) => {
        if (plan.anchor === undefined) return;
        const after = { ...state, lanes: new Map(state.lanes) };
        advance(after, plan);
        for (const [of, start] of plan.anchor.point.laneStarts)
          assert.ok((after.lanes.get(of)?.first ?? start) >= start);
        assert.ok(after.commitQCs.first >= plan.anchor.point.index);
        assert.ok(after.commitQCs.next > plan.anchor.point.index);
      });
    }),
  );
});

test('the same call a second time stores no block and no CommitQC again: blocks are refused, CommitQCs ignored', () => {
  holds(
    fc.property(calls, (list) => {
      history(list, (state, plan, next) => {
        const after = { ...state, lanes: new Map(state.lanes) };
        advance(after, plan);
        const again = attempt(after, next);
        if (plan.notify.blocks.length > 0) assert.is(again, undefined, 'a duplicate block is an error');
        else assert.ok(again !== undefined && logsOf(again).length === 0, 'nothing moves');
      });
    }),
  );
});

test('a plan depends on nothing but state and call: planning twice gives the same plan', () => {
  holds(
    fc.property(calls, (list) => {
      history(list, (state, plan, next) => {
        assert.equal(attempt(state, next), plan);
      });
    }),
  );
});

test('every block of an accepted round is appended, once, in the given order within its lane', () => {
  holds(
    fc.property(calls, (list) => {
      history(list, (_, { lanes, notify }) => {
        for (const [of, log] of lanes)
          assert.equal(
            log.append,
            notify.blocks.filter((block) => block.lane === of),
          );
        assert.is(
          [...lanes.values()].reduce((sum, { append }) => sum + append.length, 0),
          notify.blocks.length,
        );
      });
    }),
  );
});

test.run();
