/** The long part of `compact.test.ts`: refusals, a full disk, kills. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel } from '../../src/index.js';
import { MAIN, run, runFull, runUnread } from '../support/cli.js';
import { rawBatch, tree } from '../support/faults.js';
import { fixture } from '../support/fixtures.js';
import { Random, testSeed } from '../support/kill.js';
import { plain } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';
import { BLOCKS, contentOf, makeStore } from './compact-support.js';

const test = suite('cli: compact, faults');
const KILLS = 8;

test(
  'a damaged store and a hard-linked copy are refused, and no byte of them is changed',
  inTemp(async (dir) => {
    const [damaged, sound, linked] = [join(dir, 'damaged'), join(dir, 'sound'), join(dir, 'linked')];
    for (const location of [damaged, sound]) assert.is(run('import', fixture('wal', 'state'), location).status, 0);
    await rawBatch(damaged, [{ type: 'del', key: 'qc/00000000000000000035' }]);
    execFileSync('cp', ['-al', sound, linked]);
    const before = tree(dir);
    const refused = run('compact', damaged, '--yes');
    assert.is(refused.status, 1);
    assert.match(refused.stderr, /^LANESTORE_CORRUPT: /);
    const copy = run('compact', linked, '--yes');
    assert.is(copy.status, 3);
    assert.match(copy.stderr, /is a copy by hard links/);
    assert.equal(tree(dir), before);
    rmSync(linked, { recursive: true });
    const [unread, full] = [
      await runUnread(['compact', sound, '--yes']),
      await runFull('stdout', 'compact', sound, '--yes'),
    ];
    assert.equal([unread.status, full.status, run('verify', sound).status], [0, 6, 0]);
  }),
);

test(
  'tables that LevelDB cannot write are an error, and the content stays',
  inTemp(async (dir) => {
    const { location, model } = await makeStore(dir);
    const content = await contentOf(location);
    // In blocks of 512 bytes: room for a copy of a log, and for no whole new table.
    const command = ['-c', 'ulimit -f 8192 && exec "$@"', 'sh', process.execPath, MAIN];
    const { status, stderr } = spawnSync('sh', [...command, 'compact', location, '--yes', ...model], {
      encoding: 'utf8',
    });
    assert.is(status, 3, stderr);
    assert.match(stderr, /^LANESTORE_IO: .* LevelDB did not finish the compaction: IO error: .* File too large$/m);
    assert.is(await contentOf(location), content);
    assert.is(run('compact', location, '--yes', ...model).status, 0);
    assert.is(await contentOf(location), content);
  }),
);

test(
  'SIGKILL and SIGINT while LevelDB compacts: the store opens with the same content',
  inTemp(async (dir) => {
    const { location, model } = await makeStore(dir);
    const content = await contentOf(location);
    const seed = testSeed();
    const random = new Random(seed);
    let [killed, windowMs] = [0, 1000];
    for (let round = 0; round < KILLS || (killed === 0 && round < 10 * KILLS); round++) {
      const target = join(dir, `killed-${round}`);
      cpSync(location, target, { recursive: true });
      const names = readdirSync(join(target, 'level')).join();
      const child = spawn(process.execPath, [MAIN, 'compact', target, '--yes', ...model], { stdio: 'ignore' });
      const exited = once(child, 'exit');
      // LevelDB has opened the store when its files change; the check before that changes nothing.
      while (child.exitCode === null && readdirSync(join(target, 'level')).join() === names) await sleep(1);
      await sleep(random.int(0, windowMs));
      child.kill(round % 2 === 0 ? 'SIGKILL' : 'SIGINT');
      const [code, signal] = await exited;
      if (signal === null) windowMs = Math.max(1, Math.floor(windowMs / 2));
      else killed++;
      assert.ok(signal !== null || code === 0, `seed ${seed}, round ${round}: ${code}`);
      assert.is(await contentOf(target), content, `seed ${seed}, round ${round}`);
      const store = await openLevel(target, { model: plain, values: false });
      assert.equal([store.cursors.commitQCs.next, store.recovery.notes], [BigInt(BLOCKS), []]);
      await store.close();
    }
    assert.ok(killed > 0, `seed ${seed}: no child was killed in time`);
  }),
);

test.run();
