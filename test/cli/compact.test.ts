/**
 * `compact`: frees space and keeps the content, refuses what it must not touch, and survives kills.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { compactStore } from '../../src/adapter/level/index.js';
import { openLevel, openView } from '../../src/index.js';
import { MAIN, run, runFull, runUnread } from '../support/cli.js';
import { rawBatch, tree } from '../support/faults.js';
import { fixture } from '../support/fixtures.js';
import { Random, testSeed } from '../support/kill.js';
import { plain, plainAnchor, plainBlock, plainQC } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: compact');
const [BLOCKS, BLOCK_BYTES] = [400, 40_000];
const KILLS = 8;

/**
 * A store of 16 MB with many tables, half of whose blocks were pruned. Returns the options of its
 * model too.
 */
async function makeStore(dir: string): Promise<{ readonly location: string; readonly model: string[] }> {
  const location = join(dir, 'store');
  {
    const level = { writeBufferBytes: 1024 * 1024 };
    await using store = await openLevel(location, { model: plain, minFreeBytes: 0, values: false, level });
    for (let number = 0; number < BLOCKS; number++) {
      // Bytes that no compression would shorten.
      const data = Buffer.alloc(BLOCK_BYTES, createHash('sha256').update(String(number)).digest());
      await store.persist({ blocks: [plainBlock('0a', number, data)], commitQCs: [plainQC(number)] });
    }
    await store.persist({ anchor: plainAnchor(BLOCKS / 2, { '0a': BLOCKS / 2 }) });
  }
  const file = join(dir, 'model.mjs');
  const source = new URL('../support/plain-model.js', import.meta.url);
  writeFileSync(file, `export { plain as model } from ${JSON.stringify(source)};\n`);
  return { location, model: ['--model', file] };
}

/** A digest of all keys and values, stale ones too. */
async function contentOf(location: string): Promise<string> {
  const hash = createHash('sha256');
  await using view = await openView(location, { model: plain });
  assert.equal([view.findingsTotal, view.witness.verdict], [0, 'equal']);
  for await (const { key, value } of view.entries()) hash.update(key).update(value);
  return hash.digest('hex');
}

test(
  'the content stays, the size shrinks, and a dry run changes nothing',
  inTemp(async (dir) => {
    const { location, model } = await makeStore(dir);
    await (await openLevel(location, { model: plain, values: false })).close();
    const [content, before] = [await contentOf(location), tree(dir)];
    const dry = run('compact', location, '--dry-run', '--json', ...model);
    assert.is(dry.status, 0, dry.stderr);
    const asked = run('compact', location, ...model);
    assert.equal([asked.status, asked.stdout.startsWith(`will compact ${location}, as of batch `)], [2, true]);
    assert.match(asked.stderr, /give --yes if you are sure/);
    assert.equal(tree(dir), before, 'nothing is changed, and nothing is left');
    const { status, stdout, stderr } = run('compact', location, '--yes', '--json', ...model);
    assert.is(status, 0, stderr);
    const report = JSON.parse(stdout);
    assert.equal([report.before, report.seq], [JSON.parse(dry.stdout).before, JSON.parse(dry.stdout).seq]);
    assert.ok(report.after.bytes < report.before.bytes, stdout);
    assert.is(await contentOf(location), content);
    await using store = await openLevel(location, { model: plain, values: false });
    assert.is(String(store.seq), report.seq);
  }),
);

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
  'compressed tables stay compressed',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    const level = { writeBufferBytes: 64 * 1024, compression: true };
    {
      await using store = await openLevel(location, { model: plain, minFreeBytes: 0, values: false, level });
      for (let number = 0; number < 100; number++)
        await store.persist({ blocks: [plainBlock('0a', number, Buffer.alloc(BLOCK_BYTES, 'abc'))] });
    }
    const { before, after } = await compactStore(location, { model: plain });
    assert.ok(after !== undefined && after.bytes <= before.bytes, `${before.bytes}, then ${after?.bytes}`);
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
