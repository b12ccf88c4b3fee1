/**
 * Every hazard of docs/leveldb-hazards.md has tests that exist, and the store makes no call to
 * LevelDB that is not atomic and synced.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ROWS } from '../faults/rows.js';
import { packageRoot } from '../support/fixtures.js';

const test = suite('docs/leveldb-hazards.md');

const read = (path: string) => readFileSync(join(packageRoot, path), 'utf8');
const page = read('docs/leveldb-hazards.md');

/** The rows of the table below a heading, by cell. */
function tableBelow(heading: string): string[][] {
  const from = page.indexOf(`## ${heading}`);
  assert.ok(from >= 0, heading);
  const section = page.slice(from).split(/\n(?=## )/)[0] ?? '';
  const lines = section.split('\n').filter((line) => line.startsWith('| ') && !line.startsWith('| hazard'));
  return lines.map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')));
}

test('each hazard has a named test that exists', () => {
  const hazards = tableBelow('Each hazard and its tests');
  assert.ok(hazards.length > 15);
  for (const [hazard, , tests = ''] of hazards) {
    const names = tests.split('<br>');
    for (const name of names) {
      const row = /^row `([a-z-]+)`$/.exec(name)?.[1];
      const [, file = '', title = ''] = /^`(test\/[^`]+)` "(.+)"$/.exec(name) ?? [];
      if (row !== undefined)
        assert.ok(
          ROWS.some((candidate) => candidate.name === row),
          `${hazard}: ${name}`,
        );
      else assert.ok(title !== '' && read(file).includes(title), `${hazard}: ${name}`);
    }
  }
});

test('the page names each row of the campaign', () => {
  for (const { name } of ROWS) assert.ok(page.includes(`\`${name}\``), name);
});

test('the store calls nothing of LevelDB that is not atomic and synced', () => {
  const forbidden = /\b(?:db|level|database|engine)\b\S*\.(?:clear|repair|destroy|del|put|approximateSize)\(/;
  const bare = /ClassicLevel\.(?:repair|destroy)|\bsync: false\b/;
  // A compaction rewrites damaged bytes under a valid checksum, so it runs only where there is no
  // space otherwise.
  const compaction = /\bcompactRange\b/;
  const wrong: string[] = [];
  const sources = readdirSync(join(packageRoot, 'src'), { recursive: true, encoding: 'utf8' });
  for (const file of sources.filter((name) => name.endsWith('.ts'))) {
    for (const line of read(join('src', file)).split('\n')) {
      const compacts = compaction.test(line) && file !== 'adapter/level/engine.ts';
      if (forbidden.test(line) || bare.test(line) || compacts) wrong.push(`${file}: ${line.trim()}`);
    }
  }
  assert.equal(wrong, []);
  // At run time this level refuses an unsynced batch, put, del and clear, whatever the source says.
  assert.match(read('test/support/held-level.ts'), /clear\(\) was called/);
});

test.run();
