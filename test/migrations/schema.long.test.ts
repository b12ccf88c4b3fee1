/** The long part of `schema.test.ts`: kills at random moments. */
import { cpSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { migrateStore } from '../../src/index.js';
import { manifestOf } from '../../src/inspector/index.js';
import { loadExpected } from '../support/fixtures.js';
import { Random, RandomKills, spawnWorker, testSeed } from '../support/kill.js';
import { inTemp } from '../support/temp.js';
import { OPTIONS, opened, removed } from './schema-support.js';
import { writePlainly } from './states.js';

const test = suite('migrations: schema, kills');

test(
  'killed at any moment, it goes on',
  inTemp(async (dir) => {
    await writePlainly(dir, 'wal');
    const seed = testSeed();
    const kills = new RandomKills(new Random(seed), 60);
    for (let run = 0; kills.again(run, 6); run++) {
      const location = `${dir}-kill-${run}`;
      cpSync(dir, location, { recursive: true });
      await kills.kill(spawnWorker(new URL('./schema-worker.js', import.meta.url), [location]));
      await migrateStore(location, OPTIONS);
      assert.equal(manifestOf((await opened(location)).recovered), loadExpected('wal'), `seed ${seed}`);
      removed(location);
    }
    assert.ok(kills.killed > 0, `seed ${seed}`);
  }),
);

test.run();
