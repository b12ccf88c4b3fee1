/** The order statistics of the benchmark, against values worked out by hand and by simulation. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { median, medianInterval, percentile } from '../../bench/stats.js';

const test = suite('statistics');

const HUNDRED = Array.from({ length: 100 }, (_, i) => 100 - i);

test('a percentile is a sample, a median may lie between two', () => {
  assert.is(percentile(HUNDRED, 0.99), 99);
  assert.is(percentile(HUNDRED, 0), 1);
  assert.is(median(HUNDRED), 50.5);
  assert.is(median([3, 1, 2]), 2);
  assert.ok(Number.isNaN(median([])));
});

test('the interval of a median holds the true one in 90 % of the draws', () => {
  // 1.645 standard deviations of 5 samples are 8.2 ranks.
  assert.equal(medianInterval(HUNDRED), [42, 59]);
  assert.equal(medianInterval([7]), [7, 7]);
  assert.equal(medianInterval([]), [Number.NaN, Number.NaN]);
  let seed = 1;
  // A linear congruential generator (Park and Miller): the same draws in each run.
  const draw = () => {
    seed = (seed * 48271) % 2147483647;
    return seed / 2147483647;
  };
  const draws = 2000;
  let held = 0;
  for (let i = 0; i < draws; i++) {
    const [low, high] = medianInterval(Array.from({ length: 201 }, draw));
    if (low <= 0.5 && high >= 0.5) held++;
  }
  assert.ok(held > 0.87 * draws && held < 0.93 * draws, `${held} of ${draws}`);
});

test.run();
