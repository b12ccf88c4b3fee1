/**
 * Locations and targets with the longest names that file systems accept: temporary names next to
 * them are derived from them and still fit.
 */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel, openView, snapshot, verify } from '../../../../src/adapter/level/index.js';
import { exportState, importState } from '../../../../src/index.js';
import { copyState, OPTIONS } from '../../../migrations/states.js';
import { spawnWorker } from '../../../support/kill.js';
import { plain, plainBlock, plainBlocks } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';

const VIEW_WORKER = new URL('./view-worker.js', import.meta.url);

/**
 * Names around the length that leaves room for a suffix, and the longest names; the last ones have
 * characters of two, three and four bytes.
 */
const NAMES = [
  ...[200, 211, 212, 217, 230, 254, 255].map((length) => 'n'.repeat(length)),
  'é'.repeat(127),
  '鎖'.repeat(85),
  `${'🔗'.repeat(63)}abc`,
];

const test = suite('long names');

async function makeStore(location: string): Promise<void> {
  await using store = await openLevel(location, { model: plain });
  await store.persist({ blocks: plainBlocks('0a', 0, 3) });
}

test(
  'a store is viewed, verified and copied to a target, and no temporary name is left',
  inTemp(async (dir) => {
    for (const name of NAMES) {
      const location = join(dir, 'stores', name);
      await makeStore(location);
      {
        await using view = await openView(location, { model: plain });
        assert.equal(await view.block('0a', 2n), plainBlock('0a', 2));
        assert.equal(readdirSync(join(dir, 'stores')).length, 2, 'the copy is next to it');
      }
      assert.equal((await verify(location, { model: plain })).findings, []);
      await snapshot(location, join(dir, 'targets', name), { model: plain });
      await using copied = await openLevel(join(dir, 'targets', name), { model: plain });
      // A separate batch closes the votes.
      assert.is(copied.seq, 2n);
      assert.equal(readdirSync(join(dir, 'stores')), [name]);
      assert.ok(readdirSync(join(dir, 'targets')).every((made) => NAMES.includes(made)));
      rmSync(location, { recursive: true });
    }
  }),
);

test(
  'a state is imported and exported to targets with such names',
  inTemp(async (dir) => {
    const wal = copyState('wal-no-anchor', dir);
    for (const name of [NAMES.at(-1)!, 'n'.repeat(255)]) {
      const imported = join(dir, 'imported', name);
      await importState(wal, imported, OPTIONS);
      await exportState(imported, join(dir, 'exported', name), 'wal', OPTIONS);
      for (const parent of ['imported', 'exported']) {
        assert.ok(
          readdirSync(join(dir, parent)).every((made) => NAMES.includes(made)),
          parent,
        );
      }
    }
  }),
);

test(
  'the next view removes what a killed process left next to such a location, not next to a similar name',
  inTemp(async (dir) => {
    const [location, similar] = [join(dir, 'n'.repeat(255)), join(dir, `${'n'.repeat(254)}m`)];
    await makeStore(location);
    await makeStore(similar);
    const copies = () => readdirSync(dir).filter((name) => name.includes('.copy-'));
    for (const path of [location, similar]) {
      const child = spawnWorker(VIEW_WORKER, [path]);
      assert.is(await child.line(() => true), 'open 1');
      child.process.kill('SIGKILL');
      await child.ended;
    }
    assert.is(copies().length, 2);
    await (await openView(location, { model: plain })).close();
    assert.is(copies().length, 1);
    await (await openView(similar, { model: plain })).close();
    assert.equal(copies(), []);
  }),
);

test.run();
