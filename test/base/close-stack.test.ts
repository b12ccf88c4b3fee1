/**
 * close() when something fails to close: everything else is released all the same, and the first
 * error is reported.
 */
import { readdirSync, readlinkSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openWal } from '../../src/adapter/wal/index.js';
import { CloseStack, closeAll, releasing } from '../../src/base/close-stack.js';
import { diskFiles, type Files, type WritableFile } from '../../src/base/files.js';
import { isLanestoreError } from '../../src/errors.js';
import { big, openSmall, run } from '../adapter/level/values/support.js';
import { rejection } from '../support/faults.js';
import { runWorker } from '../support/kill.js';
import { plain, plainBlock, plainQC } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';

const test = suite('shutdown');

/**
 * Files whose descriptors are closed although close() reports an error, as after a late write error
 * of a disk.
 */
class FailingClose {
  isFailing = false;
  /** Failed closes, in order. */
  readonly failed: string[] = [];

  readonly files: Files = {
    ...diskFiles,
    open: async (path, mode, how) => this.#wrapped(path, await diskFiles.open(path, mode, how)),
  };

  #wrapped(path: string, file: WritableFile): WritableFile {
    const close = async () => {
      await file.close();
      if (!this.isFailing) return;
      this.failed.push(path);
      throw Object.assign(new Error(`EIO: i/o error, close ${path}`), { code: 'EIO' });
    };
    return {
      write: (data, position) => file.write(data, position),
      writeSynced: (data, position) => file.writeSynced(data, position),
      writeNow: (data, position) => file.writeNow(data, position),
      truncate: (length) => file.truncate(length),
      sync: () => file.sync(),
      status: () => file.status(),
      links: () => file.links(),
      close,
    };
  }
}

/** The files below `dir` that this process has open, if the system lists them. */
function openBelow(dir: string): string[] {
  if (process.platform !== 'linux') return [];
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(dir) ? [path] : [];
    } catch {
      return []; // the descriptor of this listing
    }
  });
}

test(
  'value files fail to close: LevelDB, its lock and all descriptors are released, the first error is reported',
  inTemp(async (dir) => {
    const closing = new FailingClose();
    const store = await openSmall(dir, { files: closing.files });
    await run(store, '0a', 0, 10, 100);
    closing.isFailing = true;
    const error = await rejection(store.close());
    assert.ok(isLanestoreError(error, 'LANESTORE_IO'), String(error));
    assert.ok(closing.failed.length >= 2, 'more than one close failed');
    assert.match((error as Error).message, `close ${closing.failed[0]}`);
    assert.is(await rejection(store.close()), error, 'close() is idempotent');
    assert.equal(openBelow(dir), []);
    const { lines, stderr } = await runWorker(new URL('../support/open-worker.js', import.meta.url), [dir]);
    assert.ok(
      lines.some((line) => line.startsWith('end 0 ') && !line.includes('LANESTORE_')),
      `another process opens it: ${lines.join('; ')} ${stderr}`,
    );
    await using again = await openSmall(dir);
    assert.equal(again.takeRecovered().blocks.get('0a')?.at(-1), big('0a', 9));
  }),
);

test(
  'WAL: segments and A/B files fail to close: lock and descriptors are released, the first error is reported',
  inTemp(async (dir) => {
    const closing = new FailingClose();
    const store = await openWal(dir, { model: plain, files: closing.files });
    await store.persist({
      inner: new Uint8Array([1]),
      blocks: [plainBlock('0a', 0), plainBlock('0b', 0)],
      commitQCs: [plainQC(0)],
    });
    closing.isFailing = true;
    const error = await rejection(store.close());
    assert.ok(isLanestoreError(error, 'LANESTORE_IO'), String(error));
    assert.match((error as Error).message, `close ${closing.failed[0]}`);
    assert.is(closing.failed.length, 2 + 2 + 3, 'every file was closed: two pairs, three logs');
    assert.equal(openBelow(dir), []);
    await using again = await openWal(dir, { model: plain });
    assert.equal([...again.takeRecovered().blocks.keys()], ['0a', '0b']);
  }),
);

test('after any failure the rest is closed, in order; the first failure is thrown, and nothing is released twice', async () => {
  const done: string[] = [];
  const failing = (name: string) => async () => {
    done.push(name);
    throw new Error(name);
  };
  const fine = (name: string) => () => void done.push(name);
  const first = async (work: Promise<unknown>) => ((await rejection(work)) as Error).message;
  assert.is(await first(closeAll([fine('a'), failing('b'), fine('c'), failing('d')])), 'b');
  assert.equal(done.splice(0), ['a', 'b', 'c', 'd']);
  const stack = new CloseStack();
  for (const release of [fine('a'), failing('b'), fine('c')]) stack.add(release);
  assert.is(await first(stack.close()), 'b');
  await stack.close();
  assert.equal(done.splice(0), ['c', 'b', 'a']);
  assert.is(await first(releasing(failing('release'), failing('work'))), 'work');
  assert.is(await first(releasing(failing('release'), async () => 1)), 'release');
  assert.is(await releasing(fine('release'), async () => 1), 1);
  assert.equal(done, ['work', 'release', 'release', 'release']);
});

test.run();
