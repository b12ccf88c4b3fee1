/**
 * The output of a process under load (kill-worker.ts) before it was killed, and the comparison with
 * the surviving store.
 */
import { createHash } from 'node:crypto';
import * as assert from 'uvu/assert';
import { type Held, Load, type ModeName, type Op, touches } from './load.js';

/** As in kill-worker.ts. */
const IN_FLIGHT = 8;

/** The output of a killed process. */
export interface Said {
  readonly found: string | undefined;
  /** Calls that resolved. */
  readonly done: ReadonlySet<number>;
  /** Calls with at least one fired hook. */
  readonly hooked: ReadonlySet<number>;
  /** Blocks whose hook fired: call, lane, number. */
  readonly blocks: readonly (readonly [number, string, bigint])[];
}

/** Parses the lines of kill-worker.ts. @throws Error for a line that reports an error. */
export function saidBy(lines: readonly string[]): Said {
  let found: string | undefined;
  const done = new Set<number>();
  const hooked = new Set<number>();
  const blocks: (readonly [number, string, bigint])[] = [];
  for (const line of lines) {
    const [word, first = '', second = '', third = ''] = line.split(' ');
    if (word === 'open') found = first;
    else if (word === 'done') done.add(Number(first));
    else if (word === 'hook' || word === 'qc' || word === 'anchor') {
      hooked.add(Number(first));
      if (word === 'hook') blocks.push([Number(first), second, BigInt(third)]);
    } else throw new Error(line);
  }
  return { found, done, hooked, blocks };
}

/**
 * Compares the surviving content with the output. Returns the number of calls that lead to it.
 * `before` is the content that the process recovered; it made the calls of `Load(seed, mode)`.
 */
export function survivedAs(
  said: Said,
  { mode, seed, before, what }: { mode: ModeName; seed: number; before: Held; what: string },
  survived: Held,
): string {
  if (said.found !== undefined) {
    assert.is(said.found, createHash('sha256').update(before.text).digest('hex'), `${what}: it recovered the content`);
  }
  const load = new Load(seed, mode, before.state);
  const count = Math.max(-1, ...said.done, ...said.hooked) + 1 + IN_FLIGHT;
  const ops = Array.from({ length: said.found === undefined ? 0 : count }, () => load.next());
  assertHooks(said, ops, survived, what);
  const states = possibleStates(before, ops, said);
  const match = states.get(survived.text);
  if (match !== undefined) return match;
  const few = [...states].slice(0, 3).map(([text, name]) => `after ${name}\n${text}`);
  throw new Error(`${what}: after ${said.done.size} calls it holds\n${survived.text}\nnot, say,\n${few.join('\n')}`);
}

/** Every possible surviving state as a text, with the number of calls that lead to it. */
function possibleStates(start: Held, ops: readonly Op[], { done, hooked }: Said): Map<string, string> {
  const certain = 1 + Math.max(-1, ...hooked, ...[...done].filter((i) => ops[i]?.kind !== 'drop'));
  const states = new Map<string, string>();
  const state = start.copy();
  /**
   * An unacknowledged drop may not have begun, or may have only emptied its lanes, while later
   * calls are done.
   */
  let drop: { readonly lanes: readonly string[]; readonly without: Held; readonly emptied: Held } | undefined;
  for (const [i, op] of ops.entries()) {
    if (drop !== undefined && touches(op, drop.lanes)) drop = undefined;
    if (op.kind === 'drop' && !done.has(i)) {
      const emptied = state.copy();
      emptied.empty(op.lanes);
      drop = { lanes: op.lanes, without: state.copy(), emptied };
    } else {
      drop?.without.apply(op);
      drop?.emptied.apply(op);
    }
    state.apply(op);
    const [calls, last] = [i + 1, [...done].every((index) => index <= i)];
    if (calls < certain || !last) continue;
    states.set(state.text, `${calls} calls`);
    if (drop === undefined) continue;
    states.set(drop.without.text, `${calls} calls without the last drop`);
    states.set(drop.emptied.text, `${calls} calls, the last drop begun`);
  }
  if (certain === 0 && done.size === 0) states.set(start.text, 'no call');
  return states;
}

/**
 * Without the planner: each block whose hook fired exists, unless its lane begins after it now, or
 * was dropped.
 */
function assertHooks({ blocks }: Said, ops: readonly Op[], survived: Held, what: string): void {
  const drops = ops.map((op) => (op.kind === 'drop' ? op.lanes : []));
  for (const [call, lane, number] of blocks) {
    if (drops.some((lanes, i) => i > call && lanes.includes(lane))) continue;
    const cursor = survived.state.lanes.get(lane);
    assert.ok(cursor !== undefined && number < cursor.next, `${what}: block ${number} of ${lane} was acknowledged`);
  }
}
