/** docs/comparison.md: its figures equal those of the last benchmark run. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { resultsDir } from '../../bench/args.js';
import type { Results } from '../../bench/results.js';
import { digits } from '../../bench/stats.js';
import { packageRoot } from '../support/fixtures.js';

const test = suite('docs/comparison.md');
const page = readFileSync(join(packageRoot, 'docs/comparison.md'), 'utf8').replaceAll(/\n(?!\||\n)/g, ' ');
const results: Results = JSON.parse(readFileSync(join(resultsDir, 'results.json'), 'utf8'));

/** p50 of a round, in milliseconds. */
function medianMs(workload: Results['workloads'][number], name: string): number {
  return workload.contenders.find((contender) => contender.name === name)?.roundMs.p50.median ?? Number.NaN;
}

test('its table and its ratios equal those of the last run', () => {
  assert.is(/from the run of (\S+)/.exec(page)?.[1], results.startedAt.slice(0, 10));
  const rows = [...page.matchAll(/^\| (\d+) lanes, (\d+) blocks? of (\d+) KiB each \| (.*) \|$/gm)];
  assert.is(rows.length, 3);
  for (const [, lanes, blocks, kib, figures = ''] of rows) {
    const found = results.workloads.find(
      ({ workload }) =>
        workload.lanes === Number(lanes) &&
        workload.blocksPerLane === Number(blocks) &&
        workload.blockBytes === Number(kib) * 1024,
    );
    assert.ok(found, `${lanes} lanes`);
    assert.equal(
      figures.split(' | '),
      ['level', 'raw', 'go-wal'].map((name) => digits(medianMs(found, name))),
    );
  }
  const small = results.workloads.filter(({ workload }) => workload.blockBytes === 1024);
  const ratios = small.map((workload) => medianMs(workload, 'level') / medianMs(workload, 'raw'));
  const [, from, to] = /takes ([\d.]+) to ([\d.]+) times what raw LevelDB takes/.exec(page) ?? [];
  assert.equal([from, to], [Math.min(...ratios).toFixed(1), Math.max(...ratios).toFixed(1)]);
});

test.run();
