/**
 * docs/api equals the output for the doc comments. Skipped without the tools that make it (`npm run
 * reference` installs them).
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../support/fixtures.js';

const test = suite('docs/api');
const tool = join(packageRoot, 'docs', 'api-reference');

test('docs/api equals the output of `npm run reference`', () => {
  if (!existsSync(join(tool, 'node_modules')) && process.env.CI !== 'true') {
    process.stdout.write('\n  skipped: npm --prefix docs/api-reference ci has not run\n');
    return;
  }
  const { status, stderr } = spawnSync(process.execPath, [join(tool, 'make.mjs'), '--check'], { encoding: 'utf8' });
  assert.is(status, 0, stderr);
});

test.run();
