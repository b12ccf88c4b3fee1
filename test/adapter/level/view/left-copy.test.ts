/** A private copy that stays when its process is killed is not a store. */
import { cpSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel, openView } from '../../../../src/adapter/level/index.js';
import { openWal } from '../../../../src/adapter/wal/index.js';
import { openState } from '../../../../src/migrations/index.js';
import { treeHash } from '../../../migrations/states.js';
import { refused } from '../../../support/faults.js';
import { spawnWorker } from '../../../support/kill.js';
import { plain, plainBlocks } from '../../../support/plain-model.js';
import { inTemp } from '../../../support/temp.js';
import { append, open } from '../preflight/files.js';

const VIEW_WORKER = new URL('./view-worker.js', import.meta.url);
const test = suite('a private copy of a killed process');

test(
  'does not open as a store, under its own name or another one; the store opens',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await append(location, 0, 3);
    const child = spawnWorker(VIEW_WORKER, [location]);
    assert.is(await child.line((line) => line.startsWith('open')), 'open 3');
    child.process.kill('SIGKILL');
    await child.ended;
    const [left = ''] = readdirSync(dir).filter((name) => name.startsWith('store.copy-'));
    assert.ok(left !== '', 'the copy stays');
    assert.not.ok(readdirSync(join(dir, left)).includes('witness'));
    await refused(openLevel(join(dir, left), { model: plain }), 'LANESTORE_NOT_A_STORE', /is a private copy/);
    const renamed = join(dir, 'renamed');
    renameSync(join(dir, left), renamed);
    await refused(openLevel(renamed, { model: plain }), 'LANESTORE_CORRUPT', /witness: it is missing/);
    await using store = await open(location);
    assert.is(store.seq, 3n);
  }),
);

test(
  'a target that a killed migration was building is refused, too',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    await append(location, 0, 3);
    const left = join(dir, 'target.copy-1-1-00000000-00000000', 'state');
    cpSync(location, left, { recursive: true });
    await refused(openLevel(left, { model: plain }), 'LANESTORE_NOT_A_STORE', /is a private copy/);
    await using view = await openView(left, { model: plain });
    assert.is(view.refusal, undefined);
  }),
);

test(
  'so is a WAL that a killed export was building; for its readers it is a state like others',
  inTemp(async (dir) => {
    const left = join(dir, 'target.copy-1-1-00000000-00000000', 'state');
    const made = await openWal(join(dir, 'state'), { model: plain });
    await made.persist({ blocks: plainBlocks('0a', 0, 3) });
    await made.close();
    cpSync(join(dir, 'state'), left, { recursive: true });
    const before = treeHash(left);
    await refused(openWal(left, { model: plain }), 'LANESTORE_NOT_A_STORE', /is a private copy/);
    assert.is(treeHash(left), before);
    const source = await openState(left, plain);
    assert.equal([...source.lanes.keys()], ['0a']);
    await source.close();
  }),
);

test.run();
