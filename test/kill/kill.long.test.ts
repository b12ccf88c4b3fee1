/**
 * SIGKILL under load, repeatedly on the same store: every acknowledged call and every fired hook is
 * durable, and the surviving content is the result of a whole number of calls.
 */
import { join } from 'node:path';
import { suite } from 'uvu';
import { openLevel } from '../../src/adapter/level/index.js';
import { bodyOf, rawGet } from '../support/faults.js';
import { Random, spawnWorker, testSeed } from '../support/kill.js';
import { plain } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';
import { type Said, saidBy, survivedAs } from './killed.js';
import { Held, type ModeName, storeOptions } from './load.js';

const WORKER = new URL('./kill-worker.js', import.meta.url);
/** Kills per kind of load. */
const KILLS = { plain: 5, compaction: 5, values: 12, sweeps: 5 } as const satisfies Partial<Record<ModeName, number>>;

/** Runs the worker and kills it, during the open or after a number of lines. */
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
  return saidBy(child.lines);
}

const kills = suite('kill -9 under load');

for (const mode of Object.keys(KILLS) as (keyof typeof KILLS)[]) {
  kills(
    `${mode}: everything acknowledged is durable, nothing survives in part, and the store accepts new calls`,
    inTemp(async (dir) => {
      const location = join(dir, 'store');
      const seed = testSeed();
      const random = new Random(seed);
      let before = new Held();
      const tally: string[] = [];
      for (let kill = 0; kill < KILLS[mode]; kill++) {
        const what = `kill ${kill} of ${mode}, LANESTORE_TEST_SEED=${seed}`;
        const loadSeed = random.int(0, 2 ** 31);
        const said = await killOne(location, mode, loadSeed, random);
        const stale = process.env.LANESTORE_TEST_TALLY === undefined ? 0 : await unswept(location);
        await using store = await openLevel(location, { model: plain, ...storeOptions(mode) }).catch((error) => {
          throw new Error(`${what}: ${error.message}`, { cause: error });
        });
        const survived = Held.of(store.takeRecovered(), store.cursors);
        const match = survivedAs(said, { mode, seed: loadSeed, before, what }, survived);
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

kills.run();
