/** The machinery of the campaign itself: dead processes, seeds, parts, the report. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { WEAK_RESTORES } from '../examples/restores.js';
import { inTemp } from '../support/temp.js';
import { type RowResult, runRow } from './campaign.js';
import { Pool } from './pool.js';
import { type Results, writeReport } from './report.js';
import { caseRandom, type Row, shuffled } from './row.js';
import { checkPatch, patchedBuild, WEAKNESSES } from './weakened.js';

const harness = suite('the harness of the fault campaign');

const row = (mayDie?: (i: number) => boolean): Row => ({
  name: 'torn-log',
  fault: 'a fault',
  mustHold: 'something',
  counts: { full: 'all', short: 2 },
  prepare: async () => null,
  run: async () => '',
  ...(mayDie === undefined ? {} : { mayDie }),
});

async function run(of: Row, size: number): Promise<RowResult> {
  const pool = new Pool(size, new URL('./dying-worker.js', import.meta.url));
  try {
    return await runRow(of, pool, { seed: 1, short: false });
  } finally {
    await pool.close();
  }
}

for (const size of [1, 3]) {
  harness(`a process that dies is the verdict of its case, and the next case runs; ${size} at a time`, async () => {
    const result = await run(row(), size);
    assert.is(result.cases, 5);
    assert.equal(result.verdicts, { fine: 3 });
    assert.is(result.mistakes.died, 2);
    assert.equal(
      result.failures.map(({ i, mistake }) => [i, mistake]),
      [
        [1, 'died'],
        [3, 'died'],
      ],
    );
    assert.match(result.failures[0]?.detail ?? '', /SIGABRT/);
    assert.match(result.failures[1]?.detail ?? '', /exit 7/);
  });
}

harness('an abort is allowed only where the row permits it', async () => {
  const result = await run(
    row((i) => i === 1),
    2,
  );
  assert.is(result.mistakes.died, 1);
  assert.equal(Object.values(result.verdicts).sort(), [1, 3]);
});

harness('a case has its own random numbers, the same each time', () => {
  const numbers = (...of: Parameters<typeof caseRandom>) => {
    const random = caseRandom(...of);
    return Array.from({ length: 4 }, () => random.next());
  };
  assert.equal(numbers(1, 'a', 7), numbers(1, 'a', 7));
  for (const different of [numbers(2, 'a', 7), numbers(1, 'b', 7), numbers(1, 'a', 8), numbers(1, 'a')])
    assert.not.equal(numbers(1, 'a', 7), different);
  const items = Array.from({ length: 50 }, (_, i) => i);
  const order = shuffled(items, caseRandom(1, 'a'));
  assert.not.equal(order, items);
  assert.equal(
    [...order].sort((a, b) => a - b),
    items,
  );
});

harness(
  'the parts of a row add up in the report, a new run replaces it',
  inTemp((dir) => {
    const mistakes = { silent: 1, refused: 0, died: 0, touched: 0, wrong: 0, harness: 0 };
    const part = (n: number, seed: number): RowResult => ({
      ...{ row: 'torn-log', fault: 'f', mustHold: 'm', short: false, seed, cases: 10, seconds: 2, parts: [`${n}/2`] },
      ...{ verdicts: { exact: 9 }, mistakes, failures: [{ i: n, mistake: 'silent', detail: 'd' }] },
    });
    const stored = () => (JSON.parse(readFileSync(join(dir, 'faults.json'), 'utf8')) as Results).rows;
    writeReport(dir, [part(1, 5)]);
    writeReport(dir, [part(2, 5)]);
    const [both] = stored();
    assert.is(stored().length, 1);
    assert.equal(both?.parts, ['1/2', '2/2']);
    assert.is(both?.cases, 20);
    assert.equal(both?.verdicts, { exact: 18 });
    assert.is(both?.mistakes.silent, 2);
    assert.is(both?.failures.length, 2);
    assert.match(readFileSync(join(dir, 'faults.md'), 'utf8'), /\| 20 \| 18 exact \| 2 \| 0 \| 0 \|/);
    writeReport(dir, [part(1, 6)]);
    assert.is(stored()[0]?.cases, 10);
  }),
);

harness('each guard that is removed from a store is where its patch expects it', () => {
  for (const patch of [...WEAKNESSES, ...WEAK_RESTORES]) checkPatch(patch);
});

harness('two patched builds share nothing that one of them changes, not even of one patch', () => {
  const { replacements, ...patch } = WEAKNESSES[0]!;
  const file = replacements[0]!.file;
  const texts = () => builds.map((build) => readFileSync(join(build, file), 'utf8'));
  const builds = [patchedBuild({ ...patch, replacements }), patchedBuild({ ...patch, replacements })];
  assert.is(new Set(builds).size, 2);
  assert.is(new Set(texts()).size, 1, 'both are patched');
  rmSync(builds.pop()!, { recursive: true });
  assert.ok(
    texts().every((text) => text.includes(replacements[0]!.by)),
    'the other one is still there',
  );
  // The tree that all share is as it was: it can be patched again.
  checkPatch({ ...patch, replacements });
  rmSync(builds.pop()!, { recursive: true });
});

harness.run();
