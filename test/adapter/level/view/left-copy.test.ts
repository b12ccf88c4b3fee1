/** A private copy that stays when its process is killed is not a store. */
import { cpSync, readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openLevel, openView } from '../../../../src/adapter/level/index.js';
import { refused } from '../../../support/faults.js';
import { spawnWorker } from '../../../support/kill.js';
import { plain } from '../../../support/plain-model.js';
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

test.run();
