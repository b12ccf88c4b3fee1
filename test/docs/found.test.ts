/** docs/found.md: each bug names a test, and that test exists. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../support/fixtures.js';

const test = suite('docs: found.md');

interface Row {
  readonly bug: string;
  readonly file: string;
  /** The test's name, or a prefix of it. */
  readonly name: string;
}

function rows(): Row[] {
  const page = readFileSync(join(packageRoot, 'docs', 'found.md'), 'utf8');
  const lines = page.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| what went wrong'));
  return lines.map((line) => {
    const cells = line.replace(/^\| | \|$/g, '').split(' | ');
    const [, file = '', name = ''] = /^`([^`]+)` › (.*)$/.exec(cells.at(-1) ?? '') ?? [];
    return { bug: cells[0] ?? '', file, name: name.replace(/ ?…$/, '') };
  });
}

test('each bug names a test that exists', () => {
  const found = rows();
  assert.ok(found.length > 80, `${found.length} rows`);
  for (const { bug, file, name } of found) {
    assert.ok(file !== '', `a test file: ${bug}`);
    assert.ok(existsSync(join(packageRoot, file)), `${file}: ${bug}`);
    // A title may contain expressions: the part before the first one must be in the source.
    const text = readFileSync(join(packageRoot, file), 'utf8').replaceAll("\\'", "'");
    assert.ok(text.includes(name), `${file} has no test "${name}"`);
  }
});

test.run();
