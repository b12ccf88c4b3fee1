/** The disk's share of value files in the worst case, as bench/experiments/values-disk.ts draws it, in short. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bound, simulate } from '../../../../bench/experiments/values-disk.js';
import { inTemp } from '../../../support/temp.js';

const test = suite('separated values: disk use');

test(
  'stays within twice the live bytes and a fixed number of files, while one lane stands still, and is given back',
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
