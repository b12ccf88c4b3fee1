/**
 * A guard on a store on disk whose process is killed under load, again and again: no place ever has
 * two released votes, no vote is released after one that excludes it, and every released vote is
 * durable. The same check finds each weakened guard.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openView } from '../../src/index.js';
import { patchedBuild } from '../faults/weakened.js';
import { Random, spawnWorker, testSeed } from '../support/kill.js';
import { plain } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';
import { WEAKENED_GUARDS } from './weakened.js';

const KILLS = 12;
const test = suite('guard: killed under load');

/** The votes released by all runs of the process. */
class Released {
  /** By place, the digest. */
  readonly #votes = new Map<string, string>();
  readonly #tops = { step: -1n, view: -1n };
  count = 0;
  stopped = 0;
  /** The first violation. */
  wrong: string | undefined;

  take(line: string): void {
    if (line === 'stopped') this.stopped++;
    const [log = '', road = '', view = '', digest = ''] = line.split(' ');
    if (digest === '' || (log !== 'step' && log !== 'view')) return;
    this.count++;
    const place = `${log} ${road} ${view}`;
    const at = BigInt(road) * 2n + BigInt(view);
    if ((this.#votes.get(place) ?? digest) !== digest) this.wrong ??= `${place} has two votes`;
    // The rule of kill-worker.ts: a step of a road comes before view 1 of that road.
    if (log === 'step' && this.#tops.view >= BigInt(road) * 2n + 1n) this.wrong ??= `${place} was excluded`;
    if (at < this.#tops[log]) this.wrong ??= `${place} was passed`;
    else this.#tops[log] = at;
    this.#votes.set(place, digest);
  }

  /** Compares with the store, which must be closed. */
  async compare(location: string): Promise<void> {
    await using view = await openView(location, { model: plain });
    for (const [log, top] of Object.entries(this.#tops)) {
      const [road = -1n, number = 0n] = view.votes?.logs.get(log)?.watermark?.at ?? [];
      if (road * 2n + number < top) this.wrong ??= `${log}: ${road}, ${number} is durable, a later vote was released`;
    }
  }
}

/** Kills the worker repeatedly; ends at the first violation. */
async function killed(worker: URL, location: string, random: Random): Promise<Released> {
  const released = new Released();
  for (let run = 0; run < KILLS && released.wrong === undefined; run++) {
    const child = spawnWorker(worker, [location]);
    let left = random.int(3, 40);
    await child.line((line) => line !== 'begin' && line !== 'stopped' && left-- <= 0);
    child.process.kill('SIGKILL');
    const { signal, stderr } = await child.ended;
    assert.is(signal, 'SIGKILL', stderr);
    for (const line of child.lines) released.take(line);
    await released.compare(location);
  }
  return released;
}

test(
  'a node that forgets its votes never releases two in one place, and what it released is durable',
  inTemp(async (dir) => {
    const seed = testSeed();
    const worker = new URL('./kill-worker.js', import.meta.url);
    const { wrong, count, stopped } = await killed(worker, dir, new Random(seed));
    assert.is(wrong, undefined, `${wrong}, LANESTORE_TEST_SEED=${seed}`);
    assert.ok(count > KILLS * 3 && stopped > KILLS, `${count} released, ${stopped} stopped`);
  }),
);

for (const patch of WEAKENED_GUARDS) {
  test(
    `the same check finds a ${patch.name}`,
    inTemp(async (dir) => {
      const seed = testSeed();
      const build = patchedBuild(patch);
      const worker = pathToFileURL(join(build, 'test', 'guard', 'kill-worker.js'));
      const { wrong, count } = await killed(worker, dir, new Random(seed));
      assert.ok(wrong !== undefined, `${count} votes, and none is wrong, LANESTORE_TEST_SEED=${seed}`);
      rmSync(build, { recursive: true });
    }),
  );
}

test.run();
