/**
 * A path without permission to read or write: exit code 3, the path in the message, and no
 * leftover. Root has every permission, so the test then runs as another user.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { copyState } from '../migrations/states.js';
import { canRunUnprivileged, MAIN, UNPRIVILEGED } from '../support/cli.js';
import { fixture } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: permission');

function runAsUser(...args: string[]) {
  return spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8', cwd: '/', ...UNPRIVILEGED });
}

test(
  'a source that may not be read, a target that may not be made',
  inTemp((dir) => {
    if (!canRunUnprivileged()) {
      process.stdout.write('\n  skipped: no permission (another user cannot run this checkout)\n');
      return;
    }
    chmodSync(dir, 0o755);
    const source = copyState('wal', dir, 'source');
    mkdirSync(join(dir, 'closed'), { mode: 0o555 });
    mkdirSync(join(dir, 'open'));
    chmodSync(join(dir, 'open'), 0o777);
    chmodSync(join(source, 'blocks'), 0o000);
    const unreadable = runAsUser('import', source, join(dir, 'open', 'store'));
    assert.is(unreadable.status, 3, unreadable.stderr);
    assert.match(unreadable.stderr, /^LANESTORE_IO: .*source\/blocks.*permission denied/i);
    chmodSync(join(source, 'blocks'), 0o755);
    const unwritable = runAsUser('import', source, join(dir, 'closed', 'store'));
    assert.is(unwritable.status, 3, unwritable.stderr);
    assert.match(unwritable.stderr, /^LANESTORE_IMPORT: cannot make .*closed\/store: .*permission denied/i);
    assert.is(runAsUser('import', source, join(dir, 'open', 'store')).status, 0);
    assert.equal(readdirSync(join(dir, 'open')), ['store']);
    assert.equal(readdirSync(join(dir, 'closed')), []);
  }),
);

test(
  'a store in the root of a file system, whose lost+found only root may read: it can be viewed',
  inTemp((dir) => {
    if (!canRunUnprivileged()) {
      process.stdout.write('\n  skipped: no permission (another user cannot run this checkout)\n');
      return;
    }
    chmodSync(dir, 0o777);
    const store = join(dir, 'store');
    assert.is(runAsUser('import', fixture('wal', 'state'), store).status, 0);
    mkdirSync(join(store, 'lost+found'), { mode: 0o000 });
    for (const args of [
      ['inspect', store],
      ['verify', store],
      ['stats', store],
      ['watch', store, '--count', '1'],
    ]) {
      const { status, stderr } = runAsUser(...args);
      assert.is(status, 0, `${args[0]}: ${stderr}`);
    }
    const bundle = runAsUser('bundle', store, join(dir, 'bundle.tar'), '--json');
    assert.is(bundle.status, 0, bundle.stderr);
    rmdirSync(join(store, 'lost+found'));
  }),
);

test.run();
