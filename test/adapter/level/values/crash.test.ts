/**
 * A power cut before every operation on a value file. Whatever unsynced data is lost, the store
 * opens, its content is the result of a whole number of calls including all acknowledged ones, and
 * it accepts new rounds.
 */
import { cpSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel, type ValueOptions } from '../../../../src/adapter/level/index.js';
import { Held, Load, type Op, storeOptions } from '../../../kill/load.js';
import { copyOpen } from '../../../support/copy-open.js';
import { Random, testSeed } from '../../../support/kill.js';
import { plain } from '../../../support/plain-model.js';
import { type Left, PowerCutDisk } from './power-cut.js';
import type { PlainStore } from './support.js';

const test = suite('separated values: power cuts');

const CALLS = 60;
const IN_FLIGHT = 3;
/** Number of moments of a run to check, each with every kind of loss. */
const CUTS = 40;
const LOSSES: readonly Left[] = ['nothing', 'some', 'everything'];

/** A moment: the files that would be on disk, and the calls acknowledged so far. */
interface Cut {
  readonly location: string;
  readonly left: Left;
  readonly acknowledged: number;
}

function open(location: string, more: ValueOptions = {}): Promise<PlainStore> {
  const { level, values } = storeOptions('values');
  return openLevel(location, { model: plain, level, values: { ...values, ...more } });
}

function call(store: PlainStore, op: Op): Promise<void> {
  switch (op.kind) {
    case 'persist':
      return store.persist(op.round);
    case 'lane':
      return store.blocks.maybePruneAndPersistLane(op.lane, op.anchorQC, op.blocks);
    case 'qcs':
      return store.commitQCs.maybePruneAndPersist(op.anchorQC, op.commitQCs);
    case 'drop':
      return store.dropLanes(op.lanes);
  }
}

/** Runs a load and copies, at about `CUTS` moments, the files that a power cut would leave. */
async function cutRun(dir: string, seed: number, random: Random): Promise<{ cuts: Cut[]; states: string[] }> {
  const location = join(dir, 'store');
  const disk = new PowerCutDisk(random);
  const cuts: Cut[] = [];
  let acknowledged = 0;
  let moments = 0;
  const every = random.int(4, 9);
  disk.before = () => {
    if (moments++ % every !== 0 || cuts.length >= CUTS * LOSSES.length) return;
    for (const left of LOSSES) {
      const to = join(dir, `cut-${cuts.length}`);
      // LevelDB's files are copied as they are: its own syncs are tested elsewhere.
      copyOpen(join(location, 'level'), join(to, 'level'));
      cpSync(join(location, 'witness'), join(to, 'witness'), { recursive: true });
      disk.cut(join(to, 'values'), left, random);
      cuts.push({ location: to, left, acknowledged });
    }
  };
  const store = await open(location, { files: disk });
  const load = new Load(seed, 'values', new Held().state);
  const held = new Held();
  const states = [held.text];
  const inFlight = new Set<Promise<void>>();
  for (let i = 0; i < CALLS; i++) {
    const op = load.next();
    held.apply(op);
    states.push(held.text);
    const settled: Promise<void> = call(store, op).then(() => {
      acknowledged = Math.max(acknowledged, i + 1);
      inFlight.delete(settled);
    });
    inFlight.add(settled);
    while (inFlight.size >= IN_FLIGHT) await Promise.race(inFlight);
  }
  await Promise.all(inFlight);
  await store.close();
  return { cuts, states };
}

async function assertWhole(
  { location, left, acknowledged }: Cut,
  states: readonly string[],
  seed: number,
): Promise<void> {
  const what = `${location}, ${left} of the unsynced data survives, LANESTORE_TEST_SEED=${seed}`;
  let found: Held;
  {
    await using store = await open(location).catch((error) => {
      throw new Error(`${what}: ${error.message}`, { cause: error });
    });
    found = Held.of(store.takeRecovered(), store.cursors);
    const reached = states.lastIndexOf(found.text);
    assert.ok(reached >= 0, `${what}: no number of calls leads to its content\n${found.text}`);
    assert.ok(reached >= acknowledged, `${what}: ${acknowledged} calls were acknowledged, ${reached} survived`);
    const more = new Load(seed + 1, 'values', found.state);
    for (let i = 0; i < 4; i++) {
      const op = more.next();
      found.apply(op);
      await call(store, op);
    }
  }
  await using again = await open(location);
  assert.is(Held.of(again.takeRecovered(), again.cursors).text, found.text, `${what}: after more rounds`);
}

test('before any operation, with every kind of loss', async () => {
  const seed = testSeed();
  const random = new Random(seed);
  const dir = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'lanestore-power-'));
  try {
    const { cuts, states } = await cutRun(dir, seed, random);
    assert.ok(cuts.length >= 30, `${cuts.length} moments`);
    for (const cut of cuts) {
      await assertWhole(cut, states, seed);
      rmSync(cut.location, { recursive: true });
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
});

test.run();
