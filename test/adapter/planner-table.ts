/**
 * Tables of the planner: short forms of states, plans in one line, and the invariants of every
 * plan.
 */
import * as assert from 'uvu/assert';
import type { Round } from '../../src/adapter/persistence.js';
import type { LogPlan, PlanState } from '../../src/adapter/planner.js';
import { isNoop, type Plan } from '../../src/adapter/round-plan.js';
import { isLanestoreError } from '../../src/errors.js';
import {
  type PlainAnchor,
  type PlainBlock,
  type PlainQC,
  plainAnchor,
  plainBlock,
  plainQC,
} from '../support/plain-model.js';

export type Num = number | bigint;
export type PlainRound = Round<PlainBlock, PlainQC, PlainAnchor>;
export type PlainPlan = Plan<PlainBlock, PlainQC, PlainAnchor>;

export interface Given {
  readonly lanes?: Record<string, readonly [Num, Num]>;
  readonly qc?: readonly [Num, Num];
  readonly anchor?: PlainAnchor;
}

/** The effect of a call: the plan in one line, or a code and a part of the message. */
export type Expected = string | readonly [code: string, message: RegExp];

export function stateOf({ lanes = {}, qc = [0, 0], anchor }: Given): PlanState {
  const cursor = ([first, next]: readonly [Num, Num]) => Object.freeze({ first: BigInt(first), next: BigInt(next) });
  return {
    lanes: new Map(Object.entries(lanes).map(([lane, range]) => [lane, cursor(range)])),
    commitQCs: cursor(qc),
    anchor: anchor === undefined ? undefined : { index: anchor.index, laneStarts: new Map(anchor.qc.starts) },
  };
}

/** A state as text, to check that it was not changed. */
export function snapshot(state: PlanState): string {
  const anchor = state.anchor && [state.anchor.index, [...state.anchor.laneStarts]];
  return JSON.stringify([[...state.lanes], state.commitQCs, anchor], (_, v) => (typeof v === 'bigint' ? `${v}n` : v));
}

/** `-[truncated) +appended =[after)`. */
function showLog<T>(log: LogPlan<T>, number: (entry: T) => bigint): string {
  const { truncate, append, after } = log;
  const parts: string[] = [];
  if (truncate.first !== truncate.next) parts.push(`-[${truncate.first},${truncate.next})`);
  if (append.length > 0) parts.push(`+${append.map(number).join(',')}`);
  return [...parts, `=[${after.first},${after.next})`].join(' ');
}

/**
 * The plan in one line: anchor, inner, QC log, then lanes in order of their ids. Unchanged parts
 * are left out.
 */
export function show(plan: PlainPlan): string {
  const parts: string[] = [];
  if (plan.anchor !== undefined) parts.push(`anchor ${plan.anchor.point.index}`);
  if (plan.inner !== undefined) parts.push(`inner ${plan.inner.length}`);
  if (plan.commitQCs !== undefined) parts.push(`qc ${showLog(plan.commitQCs, ({ index }) => index)}`);
  for (const [lane, log] of [...plan.lanes].sort(([a], [b]) => (a < b ? -1 : 1))) {
    parts.push(`${lane} ${showLog(log, ({ number }) => number)}`);
  }
  return parts.join('; ') || 'nothing';
}

/** Plans a call, checks the expectation, and checks that the state was not changed. */
export function expectPlan(state: PlanState, call: () => PlainPlan, expected: Expected): void {
  const before = snapshot(state);
  let plan: PlainPlan | undefined;
  try {
    plan = call();
  } catch (error) {
    if (typeof expected === 'string' || !isLanestoreError(error)) throw error;
    assert.is(error.code, `LANESTORE_${expected[0]}`);
    assert.match(error.message, expected[1]);
  }
  assert.is(snapshot(state), before, 'planning is pure');
  if (plan === undefined) return;
  assert.is(show(plan), typeof expected === 'string' ? expected : `refused with ${expected[0]}`);
  assert.is(isNoop(plan), expected === 'nothing');
  for (const log of [plan.commitQCs, ...plan.lanes.values()]) if (log !== undefined) assertSound(log);
}

/** Invariants of the plan of one log, whatever its rule. */
function assertSound({ before, truncate, append, after }: LogPlan<unknown>): void {
  assert.ok(truncate.first <= truncate.next && after.first <= after.next);
  if (before !== undefined) {
    assert.ok(after.first >= before.first && after.next >= before.next, 'cursors never go back');
    assert.ok(truncate.first === before.first && truncate.next <= before.next, 'only entries in the log are truncated');
  }
  assert.ok(after.next - BigInt(append.length) >= after.first, 'appended entries are in the log');
}

export function blocks(lane: string, ...numbers: Num[]): PlainBlock[] {
  return numbers.map((number) => plainBlock(lane, BigInt(number)));
}

export function qcs(...indices: Num[]): PlainQC[] {
  return indices.map((index) => plainQC(index));
}

/** A lane that holds [3, 7). */
export const A37 = { lanes: { '0a': [3, 7] } } as const;
/** A lane that was emptied. */
export const EMPTY_AT_7 = { lanes: { '0a': [7, 7] } } as const;
/** A stored anchor that names lanes without any blocks. */
export const STORED = { anchor: plainAnchor(4, { '0a': 12, '0b': 0 }), qc: [4, 5] } as const;
/** A QC log that holds [2, 6). */
export const QC26 = { qc: [2, 6] } as const;
/** A lane and a QC log that the stored anchor has truncated. */
export const WITH_ANCHOR = { lanes: { '0a': [10, 20] }, qc: [5, 9], anchor: plainAnchor(5, { '0a': 10 }) } as const;
