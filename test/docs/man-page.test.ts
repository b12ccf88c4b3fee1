/** man/lanestore.1 and docs/cli.md are what their scripts make of the help of the command line. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from '../support/cli.js';
import { packageRoot } from '../support/fixtures.js';

const test = suite('man/lanestore.1');

test('it is up to date (npm run man writes it)', async () => {
  const script: { manPage(): string } = await import(pathToFileURL(join(packageRoot, 'scripts/man-page.mjs')).href);
  const page = readFileSync(join(packageRoot, 'man/lanestore.1'), 'utf8');
  assert.equal(page.split('\n'), script.manPage().split('\n'));
  assert.match(page, /^\.SS verify LOCATION$/m);
});

test('docs/cli.md is up to date (npm run man writes it too), and is what a command prints', async () => {
  const script: { cliPage(): string } = await import(pathToFileURL(join(packageRoot, 'scripts/cli-page.mjs')).href);
  const page = readFileSync(join(packageRoot, 'docs/cli.md'), 'utf8');
  assert.equal(page.split('\n'), script.cliPage().split('\n'));
  assert.ok(page.includes(`$ lanestore help verify\n${run('help', 'verify').stdout}`));
});

test('package.json names it, and the package has it', () => {
  const { man, files } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'));
  assert.is(man, './man/lanestore.1');
  assert.ok(files.includes('man'));
});

test.run();
