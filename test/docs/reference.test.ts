/** docs/api is what the doc comments say, where the tools that make it are installed (`npm run reference` does that). */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../support/fixtures.js';

const test = suite('docs/api');
const tool = join(packageRoot, 'docs', 'api-reference');

test('it is what `npm run reference` writes', () => {
  if (!existsSync(join(tool, 'node_modules')) && process.env.CI !== 'true') {
    process.stdout.write('\n  skipped: npm --prefix docs/api-reference ci has not run\n');
    return;
  }
  const { status, stderr } = spawnSync(process.execPath, [join(tool, 'make.mjs'), '--check'], { encoding: 'utf8' });
  assert.is(status, 0, stderr);
});

test.run();
