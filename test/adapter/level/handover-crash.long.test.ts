/**
 * A crash before every file operation of a handover, of an import of its history or of what a sink
 * holds, of a snapshot, of an import and of an accepted rollback, and every power cut there: never
 * two stores that may sign, never one that opens without its quarantine. The same check finds
 * builds that close a store too late, or not durably.
 */
import { cpSync, existsSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  fileWitness,
  formatHistory,
  handover,
  handoverRequest,
  importFromSinks,
  importHistory,
  importState,
  isLanestoreError,
  openGuard,
  openLevel,
  parseHistory,
} from '../../../src/index.js';
import { Image } from '../../faults/image.js';
import { buildShim, shimUnable } from '../../faults/shim.js';
import {
  type CrashState,
  crashedAt,
  crashStates,
  durableAt,
  firstWrong,
  inMemory,
  stopsOf,
} from '../../faults/stepped.js';
import { type Patch, patchedBuild } from '../../faults/weakened.js';
import { plain, plainBlocks, plainQC, plainVote } from '../../support/plain-model.js';

const test = suite('handover, a crash at every file operation');

const KEY = new Uint8Array(32).fill(7);
const GIVEN = plainVote('step', [1n, 1n]);
const OTHER = { ...GIVEN, digest: new Uint8Array(32) };
const at = { model: plain, network: 'test' };

/** A store that signs, and another one that is to: it has all but the newest vote. */
async function makeStores(dir: string): Promise<void> {
  const [old, heir] = [join(dir, 'old'), join(dir, 'heir')];
  const signing = async (votes: readonly unknown[], firstUse = false) => {
    await using store = await openLevel(old, { model: plain });
    await using guard = await openGuard({ store, model: plain as never, key: KEY, firstUse });
    if (firstUse) await store.persist({ commitQCs: [plainQC(0), plainQC(1)], blocks: plainBlocks('0a', 0, 5) });
    await guard.round({ votes: votes as never });
  };
  await signing([plainVote('step', [1n, 0n])], true);
  await importState(old, heir, { model: plain, checks: {} });
  await signing([GIVEN]);
}

/** What a store would sign: undefined if there is none, or it does not open. */
async function verdicts(location: string): Promise<readonly string[] | undefined> {
  if (!existsSync(join(location, 'level'))) return undefined;
  try {
    await using store = await openLevel(location, { model: plain, createIfMissing: false });
    await using guard = await openGuard({ store, model: plain as never, key: KEY });
    return [GIVEN, OTHER].map((vote) => guard.test(vote as never));
  } catch (error) {
    if (isLanestoreError(error)) return undefined;
    throw error;
  }
}

const CLOSED = ['quarantined', 'quarantined'];
const SIGNS = ['again', 'differs'];
const same = (found: readonly string[] | undefined, expected: readonly string[]) => found?.join() === expected.join();

type Check = (dir: string, state: CrashState) => Promise<string>;

/** One of both may sign, or none; and the move can be finished. */
const checkMove: Check = async (dir, { isEnded }) => {
  const [old, heir, file] = [join(dir, 'old'), join(dir, 'heir'), join(dir, 'history.json')];
  const found = [await verdicts(old), await verdicts(heir)] as const;
  const isOpen = found.map((one) => same(one, SIGNS));
  for (const one of found) assert.ok(same(one, SIGNS) || same(one, CLOSED), `${found.join(' and ')}`);
  assert.not(isOpen[0] && isOpen[1], 'both may sign');
  const text = existsSync(file) ? await readFile(file, 'utf8') : '';
  if (text.includes('sha256')) assert.not(isOpen[0], 'the history is out, and the old store signs');
  if (isOpen[1]) return 'moved';
  // Again from the beginning: the request is the same, for the heir did not change.
  const to = await handoverRequest(heir, { model: plain });
  const history = await handover(old, { ...at, to });
  await importHistory(heir, { ...at, history: parseHistory(formatHistory(history)) });
  const after = [await verdicts(old), await verdicts(heir)];
  assert.equal(after, [CLOSED, SIGNS]);
  assert.not(isEnded && isOpen[0]);
  return isOpen[0] ? 'not begun' : 'closed';
};

/** The copy is not there, or it is closed; the source is as it was. */
const checkCopy: Check = async (dir) => {
  const found = await verdicts(join(dir, 'target'));
  assert.ok(found === undefined || same(found, CLOSED), `the copy opens: ${found}`);
  assert.equal(await verdicts(join(dir, 'old')), SIGNS);
  return found === undefined ? 'absent' : 'closed';
};

const sinkIn = (dir: string) => ({ network: 'test', sinks: [fileWitness(join(dir, 'sink'), { name: 'sink' })] });

/** Opens the guard of a store with the sink, and lets it vote; true if the vote is released. */
async function releases(dir: string, name: string, digest: number): Promise<boolean> {
  const vote = plainVote('step', [2n, 0n], { digest: new Uint8Array(32).fill(digest) });
  await using store = await openLevel(join(dir, name), { model: plain, createIfMissing: false });
  try {
    await using guard = await openGuard({ store, model: plain as never, key: KEY, ...sinkIn(dir) });
    assert.not.equal(guard.test(OTHER as never), 'new', `${name} would sign twice`);
    await guard.round({ votes: [vote] as never });
    return true;
  } catch (error) {
    if (isLanestoreError(error)) return false;
    throw error;
  }
}

/** Whichever store starts first, what one has released the other one does not contradict. */
const checkSinks: Check = async (dir, { isEnded, name }) => {
  const sinks = sinkIn(dir);
  const isHeirFirst = isEnded || name.length % 2 === 0;
  const order = isHeirFirst ? (['heir', 'old'] as const) : (['old', 'heir'] as const);
  const found = [await releases(dir, order[0], 1), await releases(dir, order[1], 2)];
  assert.not(found[0] && found[1], 'both have signed');
  // Again from the beginning; the old store does not run any more.
  await importFromSinks(join(dir, 'heir'), { model: plain, ...sinks });
  assert.ok(await releases(dir, 'heir', found[0] ? 1 : 2), 'the heir does not sign');
  return `${order[found.indexOf(true)] ?? 'none'}`;
};

interface Action {
  readonly name: string;
  readonly prepare?: (dir: string) => Promise<void>;
  readonly check: Check;
  readonly outcomes: readonly string[];
  readonly weakened: readonly Patch[];
}

const UNSYNCED: Patch = {
  name: 'a batch that is not synced',
  replacements: [{ file: 'src/adapter/level/engine.js', find: 'sync: true', by: 'sync: false' }],
};

const ACTIONS: readonly Action[] = [
  { name: 'handover', check: checkMove, outcomes: ['closed', 'not begun'], weakened: [UNSYNCED] },
  {
    name: 'votes import',
    prepare: async (dir) => {
      const to = await handoverRequest(join(dir, 'heir'), { model: plain });
      const history = await handover(join(dir, 'old'), { ...at, to });
      await writeFile(join(dir, 'history.json'), formatHistory(history));
    },
    check: checkMove,
    outcomes: ['closed', 'moved'],
    weakened: [],
  },
  {
    name: 'votes import --sinks',
    prepare: async (dir) => {
      await using store = await openLevel(join(dir, 'old'), { model: plain });
      await using guard = await openGuard({ store, model: plain as never, key: KEY, ...sinkIn(dir) });
      await guard.round({ votes: [GIVEN] as never });
      await store.persist({ commitQCs: [plainQC(2)] });
    },
    check: checkSinks,
    outcomes: ['heir', 'old'],
    weakened: [],
  },
  {
    name: 'accepted rollback',
    prepare: async (dir) => {
      const [old, target] = [join(dir, 'old'), join(dir, 'target')];
      cpSync(old, target, { recursive: true });
      await using store = await openLevel(old, { model: plain });
      await store.persist({ commitQCs: [plainQC(2)] });
      cpSync(join(old, 'witness'), join(target, 'witness'));
    },
    check: checkCopy,
    outcomes: ['absent', 'closed'],
    weakened: [
      {
        name: 'rollback that closes nothing',
        replacements: [
          {
            file: 'src/adapter/level/open/accept-rollback.js',
            find: 'votes: closedFor(votes,',
            by: 'votes: ((votes) => votes)(votes,',
          },
        ],
      },
    ],
  },
  {
    name: 'snapshot',
    check: checkCopy,
    outcomes: ['absent', 'closed'],
    weakened: [
      {
        name: 'snapshot that is closed after the rename',
        replacements: [
          {
            file: 'src/adapter/level/view/snapshot.js',
            find: 'await found.engine.write(closed.operations);',
            by: '',
          },
          {
            file: 'src/adapter/level/view/snapshot.js',
            find: 'closed.tip.store, closed.tip.seq',
            by: 'found.tip.store, found.tip.seq',
          },
          {
            file: 'src/adapter/level/view/snapshot.js',
            find: 'await moveTo(place.from, place.to);',
            by: `await moveTo(place.from, place.to);
            const { amendStore } = await import('../open/amend-store.js');
            const late = ({ votes }) => ({ votes: closedFor(votes, 'late'), event: { event: 'late' } });
            await amendStore(place.to, { model }, late);`,
          },
        ],
      },
    ],
  },
  {
    name: 'import',
    check: checkCopy,
    outcomes: ['absent', 'closed'],
    weakened: [
      {
        name: 'import that closes nothing',
        replacements: [
          {
            file: 'src/migrations/level-sink.js',
            find: "closedFor(kept, 'it was imported: the source may have signed since')",
            by: 'kept',
          },
        ],
      },
    ],
  },
];

const unable = shimUnable();
if (unable !== undefined) {
  test('skipped', () => void process.stdout.write(`\n  skipped: ${unable}\n`));
} else {
  const crashes = async ({ name, prepare }: Action, dir: string, build?: string) => {
    const [location, place] = [join(dir, 'stores'), join(dir, 'crashed')];
    await makeStores(location);
    await prepare?.(location);
    const worker = 'test/adapter/level/handover-worker.js';
    const url = new URL('./handover-worker.js', import.meta.url);
    const built = build === undefined ? url : pathToFileURL(join(build, worker));
    const library = buildShim(dir);
    return { place, states: await crashStates({ worker: built, location, library, args: [name] }) };
  };

  /**
   * Kills a handover where its closing is readable and not synced, and calls it again: how often
   * that was, and after how many of these calls a power cut opens the store.
   */
  const killedAndAgain = async (dir: string, build?: string): Promise<readonly [unsynced: number, opened: number]> => {
    const [location, place, library] = [join(dir, 'stores'), join(dir, 'crashed'), buildShim(dir)];
    const name = 'test/adapter/level/handover-worker.js';
    const here = new URL('./handover-worker.js', import.meta.url);
    const worker = build === undefined ? here : pathToFileURL(join(build, name));
    await makeStores(location);
    const stops = await stopsOf({ worker, location, library, args: ['handover'] });
    const durables = [...durableAt(stops)];
    const isClosedIn = async (files: ReadonlyMap<string, Buffer>) => {
      new Image(files).write(place);
      return same(await verdicts(join(place, 'old')), CLOSED);
    };
    let [unsynced, opened] = [0, 0];
    for (const [n, { image }] of stops.entries()) {
      const durable = durables[n] ?? new Map();
      if (image.files.has('history.json') || !(await isClosedIn(image.files)) || (await isClosedIn(durable))) continue;
      unsynced++;
      image.write(place);
      const again = await stopsOf({ worker, location: place, library, args: ['handover'] });
      const after = [...durableAt(again, durable)].at(-1) ?? new Map();
      if (!(await isClosedIn(after))) opened++;
    }
    return [unsynced, opened];
  };

  test('handover again after a kill: its history leaves only when the closing survives a power cut', () =>
    inMemory(async (dir) => {
      const [unsynced, opened] = await killedAndAgain(dir);
      assert.ok(unsynced > 0, 'a kill leaves a closing that is not synced');
      assert.is(opened, 0);
    }));

  test('handover again: the same check finds one that believes what it reads', () =>
    inMemory(async (dir) => {
      const again = 'if (isAgain)\n            return final;\n        if (dryRun)\n            return history;';
      const dry = 'if (dryRun)\n            return history;';
      const build = patchedBuild({
        name: 'handover that believes what it reads',
        replacements: [{ file: 'src/adapter/level/handover.js', find: dry, by: again }],
      });
      const [, opened] = await killedAndAgain(dir, build);
      rmSync(build, { recursive: true });
      assert.ok(opened > 0, 'a power cut opens the store');
    }));

  for (const action of ACTIONS) {
    test(`${action.name}: never two that sign, never one that opens without its quarantine`, () =>
      inMemory(async (dir) => {
        const { place, states } = await crashes(action, dir);
        const outcomes = new Map<string, number>();
        for (const state of states) {
          state.image.write(place);
          const outcome = await action.check(place, state).catch(crashedAt(state.name));
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        }
        process.stdout.write(`\n  ${states.length} states: ${JSON.stringify([...outcomes])} `);
        assert.equal([...outcomes.keys()].sort(), action.outcomes);
        assert.ok(states.length > 20);
      }));

    for (const patch of action.weakened) {
      test(`${action.name}: the same check finds a ${patch.name}`, () =>
        inMemory(async (dir) => {
          const build = patchedBuild(patch);
          const { place, states } = await crashes(action, dir, build);
          rmSync(build, { recursive: true });
          const wrong = await firstWrong(states, (state) => {
            state.image.write(place);
            return action.check(place, state);
          });
          assert.ok(wrong !== undefined, `${states.length} states, and none of them is wrong`);
        }));
    }
  }
}

test.run();
