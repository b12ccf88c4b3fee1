/** Exclusion between the threads of one process, by an abstract socket and by a file. */
import { once } from 'node:events';
import { existsSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasStart, processOwner } from '../../src/base/process-owner.js';
import { isOfEarlierProcess, lockThreads } from '../../src/base/thread-lock.js';
import { spawnWorker } from '../support/kill.js';
import { inTemp, withTmpdir } from '../support/temp.js';

const test = suite('base: the lock between threads');
const SQUATTER = new URL('./squatter-worker.js', import.meta.url);
const CONTENDER = new URL('./thread-lock-contender.js', import.meta.url);
/**
 * Enough rounds for two holders to overlap several times if one thread's release could be mistaken
 * for another process's lock.
 */
const TAKES = 4000;
const HOLDER = new URL('./thread-lock-worker.js', import.meta.url);

/** Each kind of lock, with its files in `dir`. */
function bothWays(use: (sockets: boolean, dir: string) => Promise<void>): () => Promise<void> {
  return inTemp(async (dir) => {
    await withTmpdir(dir, async () => {
      if (process.platform === 'linux') await use(true, dir);
      await use(false, dir);
    });
  });
}

test(
  'is granted once, and again after it was freed; names are independent',
  bothWays(async (sockets) => {
    const release = await lockThreads('a', sockets);
    assert.ok(release !== undefined);
    assert.is(await lockThreads('a', sockets), undefined);
    const second = await lockThreads('b', sockets);
    assert.ok(second !== undefined);
    second();
    release();
    release();
    const again = await lockThreads('a', sockets);
    assert.ok(again !== undefined);
    again();
  }),
);

test(
  'of many concurrent requests one succeeds',
  bothWays(async (sockets) => {
    const given = (await Promise.all(Array.from({ length: 20 }, () => lockThreads('a', sockets)))).filter(Boolean);
    assert.is(given.length, 1);
    given[0]?.();
  }),
);

test(
  'excludes other threads of this process, and no other process',
  bothWays(async (sockets) => {
    const thread = new Worker(HOLDER, { workerData: { name: 'a', sockets }, env: process.env });
    assert.equal(await once(thread, 'message'), ['held']);
    assert.is(await lockThreads('a', sockets), undefined);
    const child = spawnWorker(HOLDER, ['a', String(sockets)]);
    assert.is(await child.line(() => true), 'held');
    child.process.kill('SIGKILL');
    await child.ended;
    thread.postMessage('free');
    await once(thread, 'exit');
    (await lockThreads('a', sockets))!();
  }),
);

test(
  'by a socket ends with its thread, and leaves no file',
  inTemp(async (dir) => {
    if (process.platform !== 'linux') return void process.stdout.write('\n  skipped: no abstract sockets here\n');
    await withTmpdir(dir, async () => {
      const thread = new Worker(HOLDER, { workerData: { name: 'a', sockets: true }, env: process.env });
      assert.equal(await once(thread, 'message'), ['held']);
      assert.is(await lockThreads('a', true), undefined);
      await thread.terminate();
      (await lockThreads('a', true))!();
      assert.equal(readdirSync(dir), []);
    });
  }),
);

test(
  'by a socket whose name another process has taken falls back to a file, and excludes all the same',
  inTemp(async (dir) => {
    if (process.platform !== 'linux') return void process.stdout.write('\n  skipped: no abstract sockets here\n');
    const squatter = spawnWorker(SQUATTER, [`lanestore-${process.pid}-a`]);
    assert.is(await squatter.line(() => true), 'listening');
    await withTmpdir(dir, async () => {
      const release = await lockThreads('a', true);
      assert.ok(release !== undefined);
      assert.is(await lockThreads('a', true), undefined);
      assert.is(readdirSync(dir).length, 1);
      release();
      assert.equal(readdirSync(dir), []);
    });
    squatter.process.kill('SIGKILL');
    await squatter.ended;
  }),
);

test(
  'taken while another process had the name of the socket excludes later requests after that process ended',
  inTemp(async (dir) => {
    if (process.platform !== 'linux') return void process.stdout.write('\n  skipped: no abstract sockets here\n');
    await withTmpdir(dir, async () => {
      const squatter = spawnWorker(SQUATTER, [`lanestore-${process.pid}-a`]);
      assert.is(await squatter.line(() => true), 'listening');
      const release = await lockThreads('a', true);
      assert.ok(release !== undefined);
      squatter.process.kill('SIGKILL');
      await squatter.ended;
      assert.is(await lockThreads('a', true), undefined);
      assert.is(await lockThreads('a', true), undefined);
      release();
      (await lockThreads('a', true))!();
    });
  }),
);

test(
  'is never held twice while two threads take and free it continuously',
  bothWays(async (sockets) => {
    const counts = new Int32Array(new SharedArrayBuffer(12));
    const threads = Array.from({ length: 4 }, () => {
      return new Worker(CONTENDER, { workerData: { counts, sockets, takes: TAKES }, env: process.env });
    });
    await Promise.all(threads.map((thread) => once(thread, 'exit')));
    const [holders, taken = 0, overlaps] = counts;
    assert.equal([holders, overlaps], [0, 0]);
    assert.ok(taken >= TAKES);
  }),
);

test(
  'by a file: a file older than this process is recognized where names have no start time',
  inTemp((dir) => {
    assert.is(hasStart(processOwner()), process.platform === 'linux');
    assert.not.ok(hasStart(`lanestore-thread-a-${process.pid}-0-0123abcd`));
    const path = join(dir, 'lock');
    assert.not.ok(isOfEarlierProcess(path), 'absent');
    writeFileSync(path, '');
    assert.not.ok(isOfEarlierProcess(path), 'made now');
    const before = (Date.now() - process.uptime() * 1000) / 1000 - 60;
    utimesSync(path, before, before);
    assert.ok(isOfEarlierProcess(path));
  }),
);

test(
  'by a socket needs no directory for temporary files that can be searched',
  inTemp(async (dir) => {
    if (process.platform !== 'linux') return void process.stdout.write('\n  skipped: no abstract sockets here\n');
    const loop = join(dir, 'loop');
    symlinkSync(loop, loop);
    for (const place of [loop, join(dir, 'n'.repeat(256)), join(dir, 'absent')]) {
      await withTmpdir(place, async () => {
        const release = await lockThreads('a', true);
        assert.ok(release !== undefined, place);
        assert.is(await lockThreads('a', true), undefined);
        release();
      });
    }
  }),
);

test(
  'by a file: the leftover of a killed process is removed, the lock of a running process is not',
  inTemp(async (dir) => {
    await withTmpdir(dir, async () => {
      const [killed, living] = [spawnWorker(HOLDER, ['a', 'false']), spawnWorker(HOLDER, ['a', 'false'])];
      for (const child of [killed, living]) assert.is(await child.line(() => true), 'held');
      killed.process.kill('SIGKILL');
      await killed.ended;
      assert.is(readdirSync(dir).length, 2);
      const release = await lockThreads('a', false);
      const left = readdirSync(dir).sort();
      assert.equal(left.length, 2, 'its own file, and the file of the running process');
      assert.not.ok(left.some((name) => name.startsWith(`lanestore-thread-a-${killed.process.pid}-`)));
      release!();
      living.process.kill('SIGKILL');
      await living.ended;
    });
  }),
);

test(
  'by a file that cannot be made is granted without being exclusive',
  inTemp(async (dir) => {
    await withTmpdir(join(dir, 'absent'), async () => {
      const [first, second] = [await lockThreads('a', false), await lockThreads('a', false)];
      assert.ok(first !== undefined && second !== undefined);
      first();
      second();
    });
    const path = join(dir, `lanestore-thread-a-${processOwner()}`);
    writeFileSync(path, '');
    await withTmpdir(dir, async () => assert.is(await lockThreads('a', false), undefined));
    assert.ok(existsSync(path));
  }),
);

test.run();
