/** One opener per state directory. */
import { mkdirSync, symlinkSync } from 'node:fs';
import { join, relative } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { refused } from '../../support/faults.js';
import { spawnWorker } from '../../support/kill.js';
import { plainBlock } from '../../support/plain-model.js';
import { inTemp } from '../../support/temp.js';
import { contentOf, openPlain, withStore } from './plain-store.js';
import { WatchedFiles } from './watched-files.js';

const test = suite('wal: the lock');
const worker = new URL('./open-worker.js', import.meta.url);
const locked = (path: string) => refused(openPlain(path), 'LANESTORE_LOCKED');

/**
 * Opens in another process, which keeps the store open until it is killed. Returns `open`, or the
 * code of the refusal.
 */
async function openElsewhere(dir: string) {
  const child = spawnWorker(worker, [dir]);
  const said = await child.line((line) => line.startsWith('open') || line.startsWith('refused'));
  const end = async () => {
    child.process.kill('SIGKILL');
    await child.ended;
  };
  return { said, end };
}

test(
  'a second open in this process is refused: same path, relative path, symlink',
  inTemp(async (dir) => {
    const at = join(dir, 'state');
    mkdirSync(at);
    symlinkSync(at, join(dir, 'link'));
    await withStore(at, async (store) => {
      for (const path of [at, relative(process.cwd(), at), join(dir, 'link'), `${at}/.`]) await locked(path);
      await store.persist({ blocks: [plainBlock('0a', 0)] });
      await store.persist({ blocks: [plainBlock('0a', 1)] });
    });
    assert.equal((await withStore(join(dir, 'link'), async (store) => contentOf(store))).lanes, { '0a': [0, 1] });
  }),
);

test(
  'another process is refused, also after a refused open here; when the holder is killed the lock is free',
  inTemp(async (dir) => {
    await withStore(dir, async () => {
      await locked(dir);
      const second = await openElsewhere(dir);
      assert.is(second.said, 'refused LANESTORE_LOCKED');
      await second.end();
    });
    const holder = await openElsewhere(dir);
    assert.is(holder.said, 'open');
    await locked(dir);
    await locked(dir);
    await holder.end();
    await withStore(dir, async () => {});
  }),
);

test(
  'a failed open and a poisoned store free the lock',
  inTemp(async (dir) => {
    const files = new WatchedFiles();
    files.before = () => {
      throw new Error('not today');
    };
    await refused(openPlain(dir, { files }), 'LANESTORE_IO');
    const store = await openPlain(dir, { files: new WatchedFiles() });
    await locked(dir);
    await store.close();
    await withStore(dir, async () => {});
  }),
);

test(
  'another copy of this package, or a worker thread, has its own registry, and is refused as well',
  inTemp(async (dir) => {
    const registry = Symbol.for('lanestore.openers');
    const holder = globalThis as { [registry]?: { directories: Set<string> } };
    await withStore(dir, async () => {
      const ours = holder[registry];
      assert.is(ours?.directories.size, 1);
      delete holder[registry];
      await locked(dir);
      if (ours !== undefined) holder[registry] = ours;
      const opener = await openElsewhere(dir);
      assert.is(opener.said, 'refused LANESTORE_LOCKED', 'the refused one did not free it');
      await opener.end();
    });
    assert.is(holder[registry]?.directories.size, 0);
  }),
);

test(
  'two opens at the same time: exactly one succeeds',
  inTemp(async (dir) => {
    const results = await Promise.allSettled([openPlain(dir), openPlain(dir), openPlain(dir)]);
    const open = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    assert.is(open.length, 1);
    for (const result of results) if (result.status === 'rejected') assert.is(result.reason.code, 'LANESTORE_LOCKED');
    const opener = await openElsewhere(dir);
    assert.is(opener.said, 'refused LANESTORE_LOCKED', 'the refused ones did not free it');
    await opener.end();
    await open[0]!.close();
  }),
);

test.run();
