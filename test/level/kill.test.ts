/**
 * SIGKILL under load, again and again on the same store: every acknowledged call and every hook was true, and what survives is
 * what some number of calls lead to, none of them in part.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../src/adapter/level/index.js';
import { bodyOf, rawGet } from '../support/faults.js';
import { Random, spawnWorker, testSeed } from '../support/kill.js';
import { plain } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';
import { Held, Load, MODES, type ModeName, type Op, touches } from './load.js';

const WORKER = new URL('./kill-worker.js', import.meta.url);
/** As in kill-worker.ts. */
const IN_FLIGHT = 8;
/** Kills of each kind of load. */
const KILLS = 8;

/** What a killed process has said. */
interface Said {
  readonly found: string | undefined;
  /** Calls that resolved. */
  readonly done: ReadonlySet<number>;
  /** Calls one of whose hooks fired. */
  readonly hooked: ReadonlySet<number>;
  /** Blocks whose hook fired: call, lane, number. */
  readonly blocks: readonly (readonly [number, string, bigint])[];
}

function parse(lines: readonly string[]): Said {
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

/** Runs the worker and kills it: while it opens, or after a number of lines, then some more. */
async function killOne(location: string, mode: ModeName, seed: number, random: Random): Promise<Said> {
  const child = spawnWorker(WORKER, [location, mode, `${seed}`]);
  if (random.oneIn(6)) {
    await new Promise((resolve) => setTimeout(resolve, random.int(60, 260)));
  } else {
    let left = random.int(1, mode === 'sweeps' ? 500 : 1000);
    await child.line(() => --left <= 0);
    if (random.oneIn(2)) await new Promise((resolve) => setTimeout(resolve, random.int(0, 20)));
  }
  child.process.kill('SIGKILL');
  const { signal, stderr } = await child.ended;
  if (signal !== 'SIGKILL') throw new Error(`the worker ended by itself: ${stderr} ${child.lines.at(-1)}`);
  return parse(child.lines);
}

/** Every state that may have survived, as a text, with the number of calls that lead to it. */
function possibleStates(start: Held, ops: readonly Op[], { done, hooked }: Said): Map<string, string> {
  const certain = 1 + Math.max(-1, ...hooked, ...[...done].filter((i) => ops[i]?.kind !== 'drop'));
  const states = new Map<string, string>();
  const state = start.copy();
  /** A drop that nobody was told of: it may not have begun, or have emptied its lanes only, while later calls are done. */
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
    const [calls, last] = [i + 1, [...done].every((one) => one <= i)];
    if (calls < certain || !last) continue;
    states.set(state.text, `${calls} calls`);
    if (drop === undefined) continue;
    states.set(drop.without.text, `${calls} calls without the last drop`);
    states.set(drop.emptied.text, `${calls} calls, the last drop begun`);
  }
  if (certain === 0 && done.size === 0) states.set(start.text, 'no call');
  return states;
}

const kills = suite('kill -9 under load');

for (const mode of Object.keys(MODES) as ModeName[]) {
  kills(
    `${mode}: every acknowledgement was true, nothing survives in part, and the store goes on`,
    inTemp(async (dir) => {
      const location = join(dir, 'store');
      const seed = testSeed();
      const random = new Random(seed);
      let before = new Held();
      const tally: string[] = [];
      for (let kill = 0; kill < KILLS; kill++) {
        const what = `kill ${kill} of ${mode}, LANESTORE_TEST_SEED=${seed}`;
        const loadSeed = random.int(0, 2 ** 31);
        const said = await killOne(location, mode, loadSeed, random);
        const stale = process.env.LANESTORE_TEST_TALLY === undefined ? 0 : await unswept(location);
        await using store = await openLevel(location, { model: plain, level: MODES[mode].level }).catch((error) => {
          throw new Error(`${what}: ${error.message}`, { cause: error });
        });
        const survived = Held.of(store.takeRecovered(), store.cursors);
        if (said.found !== undefined) {
          assert.is(
            said.found,
            createHash('sha256').update(before.text).digest('hex'),
            `${what}: it found what was there`,
          );
        }
        const load = new Load(loadSeed, mode, before.state);
        const count = Math.max(-1, ...said.done, ...said.hooked) + 1 + IN_FLIGHT;
        const ops = Array.from({ length: said.found === undefined ? 0 : count }, () => load.next());
        assertHooks(said, ops, survived, what);
        const states = possibleStates(before, ops, said);
        const match = states.get(survived.text);
        if (match === undefined) {
          const few = [...states].slice(0, 3).map(([text, name]) => `after ${name}\n${text}`);
          throw new Error(
            `${what}: after ${said.done.size} calls it holds\n${survived.text}\nnot, say,\n${few.join('\n')}`,
          );
        }
        tally.push(`${said.done.size} calls were acknowledged, ${match} survived, ${stale} lanes were not swept`);
        before = survived;
      }
      if (process.env.LANESTORE_TEST_TALLY) process.stderr.write(`${mode}\n  ${tally.join('\n  ')}\n`);
    }),
  );
}

/** Lanes with keys that wait for the sweeper. */
async function unswept(location: string): Promise<number> {
  const tip = await rawGet(location, 'meta/tip').catch(() => undefined);
  if (tip === undefined) return 0;
  const { lanes } = bodyOf(tip) as { lanes: [Uint8Array, bigint, bigint, bigint][] };
  return lanes.filter(([, first, , swept]) => swept < first).length;
}

/** Without the planner: each block whose hook fired is there, unless its lane begins later now, or was dropped. */
function assertHooks({ blocks }: Said, ops: readonly Op[], survived: Held, what: string): void {
  const drops = ops.map((op) => (op.kind === 'drop' ? op.lanes : []));
  for (const [call, lane, number] of blocks) {
    if (drops.some((lanes, i) => i > call && lanes.includes(lane))) continue;
    const cursor = survived.state.lanes.get(lane);
    assert.ok(cursor !== undefined && number < cursor.next, `${what}: block ${number} of ${lane} was acknowledged`);
  }
}

kills.run();
