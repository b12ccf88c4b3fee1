/**
 * A guard on a store on disk whose process is killed under load, again and again: no place ever has
 * two released votes.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../src/index.js';
import { Random, spawnWorker, testSeed } from '../support/kill.js';
import { plain } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';

const KILLS = 12;
const test = suite('guard: killed under load');

test(
  'a node that forgets its votes never releases two in one place, and what it released is durable',
  inTemp(async (dir) => {
    const seed = testSeed();
    const random = new Random(seed);
    const given = new Map<string, string>();
    let [released, stopped] = [0, 0];
    for (let run = 0; run < KILLS; run++) {
      const child = spawnWorker(new URL('./kill-worker.js', import.meta.url), [dir]);
      let left = random.int(3, 40);
      await child.line((line) => line !== 'begin' && line !== 'stopped' && left-- <= 0);
      child.process.kill('SIGKILL');
      const { signal, stderr } = await child.ended;
      assert.is(signal, 'SIGKILL', stderr);
      for (const line of child.lines) {
        if (line === 'stopped') stopped++;
        const [log = '', road = '', view = '', digest = ''] = line.split(' ');
        if (digest === '') continue;
        released++;
        const place = `${log} ${road} ${view}`;
        assert.is(given.get(place) ?? digest, digest, `${place} has two votes, LANESTORE_TEST_SEED=${seed}`);
        given.set(place, digest);
      }
      await using store = await openLevel(dir, { model: plain });
      for (const log of ['step', 'view']) {
        const places = [...given.keys()].filter((place) => place.startsWith(`${log} `));
        const roads = places.map((place) => BigInt(place.split(' ')[1] ?? 0));
        const top = [...roads].sort((a, b) => (a < b ? -1 : 1)).at(-1) ?? -1n;
        const at = store.votes?.durable.logs.get(log)?.watermark?.at[0] ?? -1n;
        assert.ok(at >= top, `${log}: ${at} is durable, ${top} was released, LANESTORE_TEST_SEED=${seed}`);
      }
    }
    assert.ok(released > KILLS * 3 && stopped > KILLS, `${released} released, ${stopped} stopped`);
  }),
);

test.run();
