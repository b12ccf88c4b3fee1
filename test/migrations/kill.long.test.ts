/**
 * SIGKILL during an import or an export: the target is absent or whole, the source is unchanged,
 * and the next attempt succeeds.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { exportState, importState, type OriginalLayout } from '../../src/index.js';
import { loadExpected } from '../support/fixtures.js';
import { Random, RandomKills, spawnWorker, testSeed } from '../support/kill.js';
import { inTemp } from '../support/temp.js';
import { copyState, manifestIn, OPTIONS, treeHash } from './states.js';

const test = suite('migrations: kill -9');
const ROUNDS = 12;
/** Roughly the duration of an import of the fixture on an idle machine. */
const WINDOW_MS = 120;

test(
  'killed at random moments, a migration leaves nothing or all',
  inTemp(async (dir) => {
    const seed = testSeed();
    const random = new Random(seed);
    const source = copyState('wal', dir);
    const store = join(dir, 'store');
    await importState(source, store, OPTIONS);
    const sourceBefore = treeHash(source);
    const storeBefore = treeHash(store);
    const outcomes = { absent: 0, whole: 0, leftovers: 0 };
    const kills = new RandomKills(random, WINDOW_MS);
    for (let round = 0; kills.again(round, ROUNDS, outcomes.leftovers > 0); round++) {
      const how = random.pick(['import', 'wal', 'wal-crc', 'file-per-entry']);
      const target = join(dir, `target-${round}`);
      await kills.kill(
        spawnWorker(new URL('./migrate-worker.js', import.meta.url), [how, how === 'import' ? source : store, target]),
      );
      const where = `seed ${seed}, round ${round}, ${how}`;
      assert.is(treeHash(source), sourceBefore, where);
      assert.is(treeHash(store), storeBefore, where);
      if (existsSync(target)) {
        outcomes.whole++;
        assert.equal(await manifestIn(target), loadExpected('wal'), where);
      } else {
        outcomes.absent++;
        outcomes.leftovers += readdirSync(dir).filter((name) => name.startsWith(`target-${round}.copy-`)).length;
        if (how === 'import') await importState(source, target, OPTIONS);
        else await exportState(store, target, how as OriginalLayout, OPTIONS);
        assert.equal(await manifestIn(target), loadExpected('wal'), where);
      }
      assert.equal(
        readdirSync(dir).filter((name) => name.startsWith(`target-${round}.`)),
        [],
        where,
      );
      rmSync(target, { recursive: true });
    }
    assert.ok(
      outcomes.leftovers > 0,
      `no kill hit the middle of a migration: ${JSON.stringify(outcomes)}, seed ${seed}`,
    );
  }),
);

test.run();
