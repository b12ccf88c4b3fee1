/**
 * Power cuts before every file operation of a node with a sink in mode `before`, on disks that lose
 * what was not synced, and on a disk that syncs no batch: what was released is never lost by both
 * the store and the sink. The same check finds builds that release too early.
 */
import { rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fileWitness, importFromSinks, isLanestoreError, openGuard, openLevel, openView } from '../../../src/index.js';
import { buildShim, shimUnable } from '../../faults/shim.js';
import { type CrashState, crashedAt, crashStates, firstWrong, inMemory } from '../../faults/stepped.js';
import { type Patch, patchedBuild } from '../../faults/weakened.js';
import { plain, plainQC, plainVote } from '../../support/plain-model.js';

const test = suite('guard: sinks, power cuts');

const KEY = new Uint8Array(32).fill(0x0a);
const OWN = '0a';

const sinksOf = (dir: string) => ({ sinks: [fileWitness(join(dir, 'sink'), { name: 'sink' })], network: 'test' });

async function makeStore(dir: string): Promise<void> {
  await using store = await openLevel(join(dir, 'store'), { model: plain });
  await using guard = await openGuard({ store, model: plain, key: KEY, firstUse: true, ...sinksOf(dir) });
  await store.persist({ commitQCs: [0, 1, 2].map((index) => plainQC(index)) });
  await guard.round({ votes: [plainVote('step', [0n, 0n])] });
}

/** Opens the store as an operator does; `rolled back`: it found by itself what it had lost. */
async function repair(location: string): Promise<string> {
  try {
    await (await openLevel(location, { model: plain, createIfMissing: false })).close();
    return 'whole';
  } catch (error) {
    if (!isLanestoreError(error, 'LANESTORE_ROLLED_BACK')) throw error;
    const view = await openView(location, { model: plain });
    await view.close();
    const acceptRollback = { seq: view.tip!.seq };
    await (await openLevel(location, { model: plain, acceptRollback })).close();
    return 'rolled back';
  }
}

/** What was released may not be signed again with other content. */
async function check(dir: string, lines: readonly string[]): Promise<string> {
  const location = join(dir, 'store');
  let outcome = await repair(location);
  for (let isFirst = true; ; isFirst = false) {
    await using store = await openLevel(location, { model: plain });
    try {
      await using guard = await openGuard({ store, model: plain, key: KEY, ...sinksOf(dir) });
      if (guard.quarantine === undefined) {
        for (const line of lines) {
          const [log, number = ''] = line.split(' ');
          if (log === 'own') {
            const kept = [
              store.cursors.lanes.get(OWN)?.next ?? 0n,
              (store.votes?.durable.laneFloors.get(OWN) ?? -1n) + 1n,
            ];
            assert.ok(
              kept.some((next) => next > BigInt(number)),
              `${line} may be signed again`,
            );
          } else {
            const other = plainVote('step', [BigInt(number), 0n], { digest: new Uint8Array(32) });
            assert.not.equal(guard.test(other), 'new', `another ${line} may be signed`);
          }
        }
        return outcome;
      }
    } catch (error) {
      if (!isLanestoreError(error, 'LANESTORE_ROLLED_BACK')) throw error;
      outcome = 'behind the sink';
    }
    assert.ok(isFirst, 'the sink does not open the store');
    await store.close();
    await importFromSinks(location, { model: plain, ...sinksOf(dir) });
  }
}

const UNSYNCED = { file: 'src/adapter/level/engine.js', find: 'sync: true', by: 'sync: false' };
const LYING: Patch = { name: 'disk that syncs no batch', replacements: [UNSYNCED] };
const WEAKENED: readonly Patch[] = [
  {
    name: 'release before the sink has it, on a disk that syncs no batch',
    replacements: [
      UNSYNCED,
      { file: 'src/guard/witness-quorum.js', find: "if (this.mode === 'before')", by: 'if (false)' },
    ],
  },
];

/** The states of a build's node in which something was released. */
async function releasedStates(dir: string, patch?: Patch): Promise<readonly CrashState[]> {
  const location = join(dir, 'node');
  await makeStore(location);
  const worker = 'test/guard/sinks/power-cut-worker.js';
  const build = patch === undefined ? undefined : patchedBuild(patch);
  const url =
    build === undefined ? new URL('./power-cut-worker.js', import.meta.url) : pathToFileURL(join(build, worker));
  // Half of them are before the first release.
  const states = await crashStates({ worker: url, location, library: buildShim(dir), shortStatesMax: 80 });
  if (build !== undefined) rmSync(build, { recursive: true });
  return states.filter(({ image }) => (image.files.get('released')?.length ?? 0) > 0);
}

async function checkState(dir: string, { image }: CrashState): Promise<string> {
  const place = join(dir, 'cut');
  image.write(place);
  // Half a line is not released yet.
  const lines = (await readFile(join(place, 'released'), 'utf8')).replaceAll('\0', '').split('\n').slice(0, -1);
  return check(place, lines);
}

const unable = shimUnable();
if (unable !== undefined) {
  test('skipped', () => void process.stdout.write(`\n  skipped: ${unable}\n`));
} else {
  for (const [name, patch, expected] of [
    ['disks that lose what was not synced', undefined, ['whole']],
    ['a disk that syncs no batch, and loses them all', LYING, ['behind the sink', 'rolled back', 'whole']],
  ] as const) {
    test(`${name}: what was released is never lost by both`, () =>
      inMemory(async (dir) => {
        const states = await releasedStates(dir, patch);
        const outcomes = new Map<string, number>();
        for (const state of states) {
          const outcome = await checkState(dir, state).catch(crashedAt(state.name));
          outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
        }
        process.stdout.write(`\n  ${states.length} states: ${JSON.stringify([...outcomes])} `);
        assert.ok(states.length > 30);
        assert.equal([...outcomes.keys()].sort(), expected);
      }));
  }

  for (const patch of WEAKENED) {
    test(`the same check finds a ${patch.name}`, () =>
      inMemory(async (dir) => {
        const states = await releasedStates(dir, patch);
        const wrong = await firstWrong(states, (state) => checkState(dir, state));
        assert.match(
          wrong ?? `none of ${states.length} states is wrong`,
          /may be signed again|another .* may be signed/,
        );
      }));
  }
}

test.run();
