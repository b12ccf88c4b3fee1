/**
 * LANESTORE_NOT_A_STORE: names what the location holds, suggests the path that was probably meant,
 * and gives a remedy that fits the call.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  autobahn,
  detectLayout,
  importState,
  migrateStore,
  openLevel,
  openView,
  openWal,
  readWal,
  snapshot,
  verify,
} from '../../src/index.js';
import { openState } from '../../src/migrations/index.js';
import { refused } from '../support/faults.js';
import { fixture } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';
import { copyState, OPTIONS, treeHash } from './states.js';

const test = suite('migrations: a wrong path');
const MODEL = { model: autobahn };
const CHECKED = { ...MODEL, checks: {} };

test('the folder around a state directory: did you mean that one?', async () => {
  const state = fixture('wal', 'state');
  const before = treeHash(fixture('wal'));
  for (const attempt of [
    () => importState(fixture('wal'), join(fixture('wal'), 'target'), OPTIONS),
    () => detectLayout(fixture('wal')),
    () => openState(fixture('wal'), autobahn),
    () => migrateStore(fixture('wal'), CHECKED),
    () => openWal(fixture('wal'), MODEL),
    () => readWal(fixture('wal'), MODEL),
    () => openLevel(fixture('wal'), MODEL),
    () => openView(fixture('wal'), MODEL),
  ]) {
    const { message } = await refused(attempt, 'LANESTORE_NOT_A_STORE');
    assert.ok(message.endsWith(`; did you mean ${state}?`), message);
  }
  assert.is(treeHash(fixture('wal')), before);
});

test(
  'around stores, inside of one, or a file of one',
  inTemp(async (dir) => {
    const [store, other] = [join(dir, 'a'), join(dir, 'b')];
    const source = copyState('wal', dir, 'c');
    await importState(source, store, OPTIONS);
    await importState(source, other, OPTIONS);
    for (const [path, meant] of [
      [dir, `${store} or ${other} or ${source}`],
      [join(store, 'level'), store],
      [join(store, 'witness'), store],
      [join(source, 'blocks'), source],
    ] as const) {
      const { message } = await refused(detectLayout(path), 'LANESTORE_NOT_A_STORE');
      assert.ok(message.endsWith(`; did you mean ${meant}?`), message);
    }
    mkdirSync(join(dir, 'empty'));
    writeFileSync(join(dir, 'empty', 'README'), 'x');
    for (const path of [join(dir, 'empty'), join(dir, 'nowhere')]) {
      const { message } = await refused(detectLayout(path), 'LANESTORE_NOT_A_STORE');
      assert.not.match(message, /did you mean/);
    }
  }),
);

test(
  'a call that only reads does not advise an empty directory; each error names what the location holds',
  inTemp(async (dir) => {
    const state = copyState('wal', dir);
    const store = join(dir, 'store');
    await importState(state, store, OPTIONS);
    mkdirSync(join(dir, 'empty'));
    mkdirSync(join(dir, 'foreign'));
    writeFileSync(join(dir, 'foreign', 'README'), 'x');
    for (const path of [state, join(dir, 'empty'), join(dir, 'foreign'), join(dir, 'nowhere')]) {
      for (const attempt of [
        () => openView(path, MODEL),
        () => verify(path, MODEL),
        () => snapshot(path, join(dir, 'target'), MODEL),
        () => openLevel(path, { ...MODEL, createIfMissing: false }),
        () => migrateStore(path, CHECKED),
      ]) {
        const { message, remedy } = await refused(attempt, 'LANESTORE_NOT_A_STORE');
        assert.not.match(`${message} ${remedy}`, /choose an empty|new store/);
        if (path === state) assert.match(`${message} ${remedy}`, /state directory of the original.*lanestore import/);
      }
    }
    const wal = await refused(openWal(store, MODEL), 'LANESTORE_NOT_A_STORE', /is a store on LevelDB, not a WAL/);
    assert.match(wal.remedy, /openLevel/);
    const taken = await refused(snapshot(store, join(dir, 'foreign'), MODEL), 'LANESTORE_NOT_A_STORE');
    assert.match(taken.remedy, /empty or absent directory for the target/);
  }),
);

test.run();
