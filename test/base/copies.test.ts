/**
 * No source copies bytes with `slice`: on a Buffer, which is a Uint8Array to the compiler, it does
 * not copy. `copyOf` and `subarray` say what is meant.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { copyOf } from '../../src/base/bytes.js';
import { packageRoot } from '../support/fixtures.js';

const test = suite('copies of bytes');

test('a copy shares no memory, whatever it is of', () => {
  for (const bytes of [Buffer.from([1, 2, 3]), Buffer.from([0, 1, 2, 3]).subarray(1), new Uint8Array([1, 2, 3])]) {
    const copy = copyOf(bytes);
    bytes.fill(9);
    assert.equal([...copy], [1, 2, 3]);
  }
});

test('no source copies with `slice()`', () => {
  const sources = readdirSync(join(packageRoot, 'src'), { recursive: true, encoding: 'utf8' });
  const wrong: string[] = [];
  for (const file of sources.filter((name) => name.endsWith('.ts'))) {
    const text = readFileSync(join(packageRoot, 'src', file), 'utf8');
    // `reader.slice()` reads LevelDB's slices (preflight/bytes.ts).
    for (const [call] of text.matchAll(/\b(?!reader\.)[\w)\]]+\??\.slice\(\)/g)) wrong.push(`${file}: ${call}`);
  }
  assert.equal(wrong, []);
});

test.run();
