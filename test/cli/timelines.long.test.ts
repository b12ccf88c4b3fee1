/** The long part of `timelines.test.ts`: absent lanes, wrong arguments, damage. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from '../support/cli.js';
import { rawBatch } from '../support/faults.js';
import { fixture } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: lane, round, refusals');

test(
  'an absent lane or road index ends with 5, a wrong argument with 2, damage with 1',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    assert.is(run('import', fixture('wal', 'state'), location).status, 0);
    assert.is(run('round', location, '99').status, 5);
    assert.is(run('lane', location, 'ffff').status, 5);
    assert.is(run('lane', location, '7').status, 2, 'two lanes');
    for (const text of ['1e1', '-1', 'x']) assert.is(run('round', location, text).status, 2, text);
    await rawBatch(location, [{ type: 'del', key: 'qc/00000000000000000035' }]);
    assert.is(run('round', location, '35').status, 1);
    const other = run('round', location, '37');
    assert.is(other.status, 1);
    assert.match(other.stdout, /^road index 37/);
    assert.is(run('lane', location, '2bd4').status, 1);
  }),
);

test.run();
