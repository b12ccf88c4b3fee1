/** Findings for people: one kind after the other, the cause first, the rest counted. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { findingLines } from '../../src/cli/findings.js';
import type { Finding } from '../../src/index.js';

const test = suite('cli: findings');

const strays = Array.from(
  { length: 30 },
  (_, place): Finding => ({ kind: 'stray', key: `qc/${place}`, detail: 'not named' }),
);
const table: Finding = { kind: 'table-missing', file: 'level/000005.ldb', detail: 'the table is missing' };

test('a lost table comes before the records that are gone with it, and these are counted', () => {
  assert.equal(findingLines([...strays, table], false), [
    'table-missing  level/000005.ldb: the table is missing',
    'stray  qc/0: not named',
    'stray  qc/1: not named',
    'stray  qc/2: not named',
    'stray  and 27 more (--all shows every finding)',
    'stray  probably a result of the damage above',
  ]);
});

test('--all shows each finding once', () => {
  const lines = findingLines([...strays, table], true);
  assert.is(lines.filter((line) => line.startsWith('stray  qc/')).length, 30);
  assert.not.ok(lines.some((line) => line.includes('more')));
});

test('without another cause nothing is called a result', () => {
  assert.is(findingLines(strays, false).length, 4);
});

test.run();
