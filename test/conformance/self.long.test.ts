/**
 * The suite itself: an intact store passes, each store that is broken in one place fails, and the
 * suite's table is true.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CASES, casesFor, conformance } from '../../src/conformance/index.js';
import { packageRoot } from '../support/fixtures.js';
import { MUTANTS } from './mutants.js';
import { levelSubject, memorySubject, noopSubject, plainTypes, walSubject } from './subjects.js';
import { type ToyClass, ToyStore, toySubject } from './toy-store.js';
import { VOTE_MUTANTS } from './vote-mutants.js';

const test = suite('conformance: the suite itself');

/** The name of the first case that fails. */
async function failureOf(Toy: ToyClass): Promise<string | undefined> {
  for (const { name, run } of casesFor(toySubject(Toy))) {
    const passed = await run().then(
      () => true,
      () => false,
    );
    if (!passed) return name;
  }
  return undefined;
}

/** Unhandled rejections of a broken store do not matter here. */
const ignore = () => undefined;
test.before(() => void process.on('unhandledRejection', ignore));
test.after(() => void process.off('unhandledRejection', ignore));

conformance({ test: (name, body) => test(`a store that is right passes "${name}"`, body), ...toySubject(ToyStore) });

for (const [what, Toy] of Object.entries({ ...MUTANTS, ...VOTE_MUTANTS })) {
  test(`a store that ${what} fails`, async () => {
    assert.ok((await failureOf(Toy)) !== undefined, 'no case failed');
  });
}

test('names are unique, and every case applies to one of our backends', () => {
  assert.is(new Set(CASES.map(({ name }) => name)).size, CASES.length);
  const subjects = [levelSubject(plainTypes), memorySubject(plainTypes), walSubject(plainTypes), toySubject(ToyStore)];
  const applied = new Set(subjects.flatMap((subject) => casesFor(subject).map(({ name }) => name)));
  assert.equal(
    CASES.filter(({ name }) => !applied.has(name)),
    [],
  );
});

test('no backend goes without most of the suite', () => {
  assert.ok(casesFor(levelSubject(plainTypes)).length >= 140);
  assert.ok(casesFor(memorySubject(plainTypes)).length >= 140);
  assert.ok(casesFor(walSubject(plainTypes)).length >= 140);
  assert.ok(casesFor(noopSubject(plainTypes)).length >= 125);
});

test('every test that the table of upstream cases names is there', () => {
  const source = readFileSync(join(packageRoot, 'src', 'conformance', 'index.ts'), 'utf8');
  const table = source.slice(0, source.indexOf('*/'));
  const named = [...table.matchAll(/"([^"]+)"/g)].map(([, name]) => (name ?? '').replaceAll(/\s*\n \*\s*/g, ' '));
  assert.ok(named.length > 30, 'the table was found');
  const known = new Set(CASES.map(({ name }) => name.slice(name.indexOf(': ') + 2)));
  assert.equal(
    named.filter((name) => !known.has(name)),
    [],
  );
});

test.run();
