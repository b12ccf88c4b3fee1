/** docs/original-damage.md has a row for every case of damage that was run with the original. */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { fixture } from '../support/fixtures.js';
import { readPage } from './transcript.js';

const test = suite('docs/original-damage.md');
const rows = readPage('original-damage.md')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.split(' | ')[0] ?? '');

function hasRow(name: string): boolean {
  const [, bytes] = /^mutable cut to (\d+) of 72$/.exec(name) ?? [];
  if (bytes === undefined) return rows.some((row) => row.includes(name));
  return rows.some((row) => row.startsWith('| mutable cut to') && new RegExp(`\\b${bytes}\\b`).test(row));
}

test('every case has a row', () => {
  const log = Object.keys(JSON.parse(readFileSync(fixture('head', 'seiwal', 'cases.json'), 'utf8')));
  const store = readFileSync(fixture('head', 'blockdb-cases.txt'), 'utf8').trim().split('\n');
  const cases = [...log, ...store.map((line) => line.split(' | ')[0]!)].filter(
    (name) => name !== 'as written, not closed',
  );
  assert.equal(
    cases.filter((name) => !hasRow(name)),
    [],
  );
  assert.ok(cases.length > 35, 'the cases were found');
});

test.run();
