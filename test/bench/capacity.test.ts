/** The formulas of docs/capacity.md find the factors of points that obey them. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { demandOf, fit, fitModel, hasValueFiles } from '../../bench/capacity.js';
import type { Growth, Point } from '../../bench/growth.js';

const test = suite('bench: capacity');
const KIB = 1024;

/** A point whose figures are straight lines. */
function point(lanes: number, blockBytes: number, blocksKept = 30): Point {
  const liveMiB = (lanes * blocksKept * blockBytes) / KIB / KIB;
  const roundMs = 0.2 + 0.01 * lanes;
  return {
    ...{ lanes, blockBytes, blocksKept, age: 100, p50Ms: roundMs, p99Ms: roundMs, cpuMs: 2 * roundMs },
    ...{ userBytes: 1000, writtenBytes: 2500, tipBytes: 100, records: 0, rssBytes: 100 * KIB * KIB },
    openMs: 50 + 0.02 * ((lanes + 1) * blocksKept + 1),
    diskBytes: (3 + 2 * liveMiB) * KIB * KIB,
  };
}

test('a fit finds the factors', () => {
  const terms = [1, 2, 5, 9].map((x) => [1, x, x * x]);
  const values = terms.map(([one = 0, x = 0, square = 0]) => 4 * one + 3 * x + 0.5 * square);
  assert.equal(
    fit(terms, values).map((factor) => factor.toFixed(6)),
    ['4.000000', '3.000000', '0.500000'],
  );
});

test('a demand follows the points, with and without value files', () => {
  const growth = {
    curves: {
      lanes: [1, 20, 100].map((lanes) => point(lanes, KIB)),
      kept: [30, 300].map((kept) => point(20, KIB, kept)),
      size: [1, 4, 64, 256].map((kib) => point(4, kib * KIB)),
      age: [],
    },
    values: [10, 40].map((lanes) => point(lanes, 32 * KIB)),
    checks: [],
  } as unknown as Growth;
  const model = fitModel(growth);
  for (const expected of [point(60, KIB, 90), point(20, 64 * KIB)]) {
    const demand = demandOf(model, expected);
    assert.is(demand.roundMs.toFixed(4), expected.p50Ms.toFixed(4));
    assert.is(demand.openMs.toFixed(2), expected.openMs.toFixed(2));
    assert.is((demand.diskBytes / KIB).toFixed(0), (expected.diskBytes / KIB).toFixed(0));
  }
  assert.is(hasValueFiles({ lanes: 4, blockBytes: 32 * KIB, blocksKept: 30 }), true);
  assert.is(hasValueFiles({ lanes: 4, blockBytes: 16 * KIB, blocksKept: 30 }), false);
});

test.run();
