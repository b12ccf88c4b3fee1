/** The long part of `lock.test.ts`: openers that race in threads and processes. */
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { storePaths } from '../../src/adapter/level/format/paths.js';
import { createLevel } from '../../src/adapter/level/open/create.js';
import { diskFiles } from '../../src/base/files.js';
import { isLanestoreError } from '../../src/errors.js';
import { runWorker, spawnWorker, testSeed } from '../support/kill.js';
import { plain, plainBlock } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';
import { startNode } from './level/view/live.js';
import { BARRIER_WORKER, elsewhere, kill, OPEN_WORKER, open } from './lock-support.js';

const here = suite('a second opener: races');
const others = suite('a second opener: races, 2');

here(
  'in another thread at the same moment: exactly one gets the store, and other processes stay locked out',
  inTemp(async (dir) => {
    await (await open(dir)).close();
    for (let round = 0n; round < 6n; round++) {
      const gate = new Int32Array(new SharedArrayBuffer(4));
      const workerData = { location: dir, gate, threads: 2 };
      const threads = Array.from({ length: 2 }, () => new Worker(BARRIER_WORKER, { workerData }));
      const gone = threads.map((thread) => once(thread, 'exit'));
      const said = await Promise.all(threads.map(async (thread) => (await once(thread, 'message'))[0] as string));
      assert.equal([...said].sort(), ['open', 'refused LANESTORE_LOCKED']);
      const winner = threads[said.indexOf('open')]!;
      assert.is(await elsewhere(dir), 'LANESTORE_LOCKED', 'the loser did not free the lock of the winner');
      winner.postMessage('go');
      assert.equal(await once(winner, 'message'), ['acknowledged']);
      await Promise.all(gone);
      await using store = await open(dir);
      assert.is(store.seq, round + 1n);
    }
  }),
);

here(
  'of many at once exactly one succeeds, also when the store is new',
  inTemp(async (dir) => {
    for (const location of [join(dir, 'new'), join(dir, 'new'), join(dir, 'other')]) {
      const results = await Promise.allSettled(Array.from({ length: 8 }, () => open(location)));
      const stores = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      assert.is(stores.length, 1);
      for (const result of results) {
        if (result.status === 'rejected')
          assert.ok(isLanestoreError(result.reason, 'LANESTORE_LOCKED'), String(result.reason));
      }
      await stores[0]!.persist({ blocks: [plainBlock('0a', stores[0]!.seq)] });
      assert.is(await elsewhere(location), 'LANESTORE_LOCKED', 'none of the others freed its lock');
      await stores[0]!.close();
    }
  }),
);

others(
  'gets LANESTORE_LOCKED at every try while the first one writes, compacts and deletes continuously',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    const node = await startNode(location, 'heavy', testSeed());
    try {
      await node.more(500);
      const from = node.acknowledged;
      const { lines, stderr } = await runWorker(OPEN_WORKER, ['--times', '200', location]);
      assert.equal(lines, ['{"LANESTORE_LOCKED":200}'], stderr);
      await node.more(1);
      assert.ok(node.acknowledged > from + 200, `${node.acknowledged - from} calls meanwhile`);
    } finally {
      await node.kill();
    }
    await (await open(location)).close();
  }),
);

others(
  'while a new store is being made: exactly one process gets it, the others are LANESTORE_LOCKED',
  inTemp(async (dir) => {
    for (let attempt = 0; attempt < 2; attempt++) {
      const location = join(dir, `${attempt}`, 'deep');
      const children = Array.from({ length: 4 }, () => spawnWorker(OPEN_WORKER, ['--hold', location]));
      try {
        const said = await Promise.all(children.map((child) => child.line(() => true)));
        assert.equal(said.sort(), ['open', ...Array(3).fill('refused LANESTORE_LOCKED')]);
      } finally {
        await Promise.all(children.map(kill));
      }
      await using store = await open(location);
      assert.is(store.seq, 0n);
      assert.equal(readdirSync(location).sort(), ['level', 'witness'], 'the files of the other processes are gone');
    }
  }),
);

others(
  'concurrent creations: the first rename makes the store, the others open it and leave nothing',
  inTemp(async (dir) => {
    const paths = storePaths(dir);
    await Promise.all(Array.from({ length: 4 }, () => createLevel(paths, plain.name, {}, diskFiles)));
    assert.equal(readdirSync(dir), ['level']);
    await using store = await open(dir);
    assert.is(store.seq, 0n);
  }),
);

here.run();
others.run();
