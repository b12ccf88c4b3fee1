/** README.md: its program compiles and runs, and its figure equals the benchmark's. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { resultsDir } from '../../bench/args.js';
import type { Results } from '../../bench/results.js';
import { digits } from '../../bench/stats.js';
import { packageRoot } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';
import { compiledProgram } from './program.js';

const test = suite('README.md');
const page = readFileSync(join(packageRoot, 'README.md'), 'utf8');

test(
  'its program compiles unchanged, makes no store by accident, and continues from its stored state',
  inTemp((dir) => {
    const run = compiledProgram('readme', page);
    const location = join(dir, 'state');
    assert.throws(() => run(location), /LANESTORE_NOT_A_STORE/);
    assert.is(run(location, '--create'), 'block 0 is durable: vote for it\n');
    assert.is(run(location), 'block 1 is durable: vote for it\n');
    assert.is(run(location), 'block 2 is durable: vote for it\n');
  }),
);

test('its figure equals the one of the last benchmark run', () => {
  const results: Results = JSON.parse(readFileSync(join(resultsDir, 'results.json'), 'utf8'));
  const contenders = results.workloads.find(({ workload }) => workload.id === 'ii')?.contenders ?? [];
  const [store, original] = ['level', 'go-wal'].map((name) => contenders.find((contender) => contender.name === name));
  const text = page.replaceAll('\n', ' ');
  const [, mine, its, date] = /durable after ([\d.]+) ms; .* takes ([\d.]+) ms .*?(\d{4}-\d\d-\d\d)/.exec(text) ?? [];
  assert.is(mine, digits(store?.roundMs.p50.median ?? 0));
  assert.is(its, digits(original?.roundMs.p50.median ?? 0));
  assert.is(date, results.startedAt.slice(0, 10));
});

test.run();
