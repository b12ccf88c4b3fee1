/** API.md lists the public surface of the build, so that a review sees every change of it. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../support/fixtures.js';

const test = suite('API.md');
const page = readFileSync(join(packageRoot, 'API.md'), 'utf8');

test('API.md equals the output of `npm run api`', () => {
  const script = join(packageRoot, 'scripts', 'api-report.mjs');
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  assert.is(status, 0, stderr);
});

test('the root exports no planner, no log below a backend, no keys as text, and no message that no store holds', () => {
  const [, root = ''] = /^### lanestore\n(.*?)^### /ms.exec(page) ?? [];
  assert.ok(root.includes('`openLevel`'), 'the section was found');
  for (const name of [
    'advance',
    'BasePersistence',
    'ABFile',
    'IndexedWal',
    'decodeRecord',
    'padU64',
    'codecs',
    'verifyLaneQC',
  ]) {
    assert.not.ok(root.includes(`\`${name}\``), name);
    assert.ok(page.includes(`\`${name}\``), `${name} is in a subpath`);
  }
});

test.run();
