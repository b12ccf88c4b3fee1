/**
 * A path without permission to read or write: exit code 3, the path in the message, and no
 * leftover. Root has every permission, so the test then runs as another user.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { copyState } from '../migrations/states.js';
import { canRunUnprivileged, MAIN, UNPRIVILEGED } from '../support/cli.js';
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

test.run();
