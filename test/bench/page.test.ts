/**
 * docs/benchmarks.md and docs/benchmarks-details.md match bench/results/, and targets are computed.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { resultsDir } from '../../bench/args.js';
import { readableName, SLICES } from '../../bench/experiments/tune-grids.js';
import { toMarkdown } from '../../bench/markdown.js';
import { PAGES, readPages, render, sections } from '../../bench/page.js';
import { plotNames } from '../../bench/plots.js';
import type { ContenderResult, Results, WorkloadResult } from '../../bench/results.js';
import { isMet, TARGETS, targetsTable } from '../../bench/targets.js';
import { workloadOf } from '../../bench/workload.js';
import { packageRoot } from '../support/fixtures.js';

const test = suite('bench: the page');
const pages = readPages();
const results: Results = JSON.parse(readFileSync(join(resultsDir, 'results.json'), 'utf8'));

test('the pages are up to date (node .build/bench/page.js)', () => {
  for (const [i, text] of render(pages, sections()).entries())
    assert.ok(text === pages[i], `bench/results/ differs from ${PAGES[i]}`);
});

test('results.md matches results.json', () => {
  const { main } = plotNames(results, undefined);
  const report = readFileSync(join(resultsDir, 'results.md'), 'utf8');
  assert.ok(report === toMarkdown(results, main), 'draw it again: npm run bench');
});

test('every plot of the pages exists', () => {
  const plots = [...pages.join('').matchAll(/!\[[^\]]*\]\(([^)]+)\)/g)].map(([, path = '']) => path);
  assert.ok(plots.length > 10, `${plots.length}`);
  for (const path of plots) assert.ok(existsSync(join(packageRoot, 'docs', path)), path);
});

test('a marker without results, and results without a marker, are refused', () => {
  const page = '<!-- results: a -->\nold\n<!-- end -->';
  const [once = ''] = render([page], { a: 'new' });
  assert.is(once, '<!-- results: a -->\n\nnew\n<!-- end -->');
  assert.equal(render([once], { a: 'new' }), [once], 'a second run gives the same page');
  assert.equal(render([page, 'no marker'], { a: 'new' }), [once, 'no marker'], 'one page with a marker is enough');
  assert.throws(() => render([page], { b: '' }), /"a"/);
  assert.throws(() => render([page], { a: '', b: '' }), /no page has a marker for: b/);
});

/** A result with only the fields that a target reads. */
function result(name: string, p50: number, more: Partial<ContenderResult> = {}): ContenderResult {
  const flat = (median: number) => ({ median, min: median, max: median });
  return { name, roundMs: { p50: flat(p50), p99: flat(p50), max: flat(p50) }, ...more } as ContenderResult;
}

test('a target is met or missed by its figure', () => {
  const contenders = [result('limit', 1), result('raw', 1.5), result('level', 1.5), result('go-wal', 9)];
  const measured = { workload: workloadOf('i'), contenders } as unknown as WorkloadResult;
  const row = (what: string) =>
    targetsTable([measured])
      .split('\n')
      .find((line) => line.startsWith(`| ${what} `));
  assert.is(row('level / limit'), '| level / limit | **1.50**, not ≤ 1.1 |');
  assert.is(row('level / raw'), '| level / raw | 1.00 ≤ 1.2 |');
  assert.is(row('go-wal / level'), '| go-wal / level | **6.00**, not ≥ 7 |');
  assert.is(row('wal-nodirsync / go-wal'), '| wal-nodirsync / go-wal | (≤ 1.3) not measured |');
  assert.match(targetsTable([measured]), /1 of 3 measured targets are met/);
  for (const target of TARGETS) {
    const [limit = Number.NaN] = Object.values(target.bounds);
    assert.ok(isMet(target, limit, limit), `${target.what}: the bound itself meets the target`);
    assert.is(isMet(target, limit * 2, limit), target.bound === 'least', target.what);
  }
});

test('every slice of the tuning has a unique name and readable settings', () => {
  assert.is(new Set(SLICES.map(({ name }) => name)).size, SLICES.length);
  assert.is(readableName('level'), 'defaults');
  const settings = 'level writeBufferBytes=1048576 compression=true maxMergeBytes=262144';
  assert.is(readableName(settings), 'writeBufferBytes 1 MiB, compressed, maxMergeBytes 256 KiB');
  assert.is(readableName('raw-array'), 'raw-array');
});

test.run();
