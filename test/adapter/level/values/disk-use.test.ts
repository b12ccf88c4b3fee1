/**
 * Disk usage of value files in the worst case: a short form of bench/experiments/values-disk.ts.
 */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bound, simulate } from '../../../../bench/experiments/values-disk.js';
import { inTemp } from '../../../support/temp.js';

const test = suite('separated values: disk use');

test(
  'stays within twice the live bytes and a few files while one lane stands still, and shrinks afterwards',
  inTemp(async (dir) => {
    let last = 0;
    await simulate(dir, 150, (point) => {
      assert.ok(point.diskBytes <= bound(point), `round ${point.round}: ${point.diskBytes} of ${bound(point)} bytes`);
      last = point.diskBytes;
    });
    assert.ok(last <= bound({ round: 0, liveBytes: 0, diskBytes: 0 }));
  }),
);

test.run();
