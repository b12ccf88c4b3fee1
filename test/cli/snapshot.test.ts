/** `lanestore snapshot` as a real process, of a store that a node has open. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn, openLevel } from '../../src/index.js';
import { run, shapeOf } from '../support/cli.js';
import { entriesIn, fixture, loadExpected } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: snapshot');

test(
  'of a store that a node has open; the content is the same, and an occupied target is refused',
  inTemp(async (dir) => {
    const [location, target] = [join(dir, 'store'), join(dir, 'snapshot')];
    assert.is(run('import', fixture('wal', 'state'), location).status, 0);
    const node = await openLevel(location, { model: autobahn });
    const made = run('snapshot', location, target, '--json');
    assert.is(made.status, 0, made.stderr);
    assert.match(made.stderr, /never run the snapshot as the validator/);
    const report = JSON.parse(made.stdout);
    assert.equal(shapeOf(report), ['bytes', 'location', 'records', 'seq', 'tries']);
    assert.is(report.seq, String(node.seq));
    await node.close();
    assert.equal(entriesIn(run('manifest', target).stdout), loadExpected('wal'));
    assert.is(run('diff', location, target).status, 0);
    const again = run('snapshot', location, target);
    assert.is(again.status, 3);
    assert.match(again.stderr, /^LANESTORE_NOT_A_STORE: /);
    assert.match(run('snapshot', location, join(dir, 'copy'), '--no-links').stdout, /a snapshot as of batch \d+\n/);
  }),
);

test.run();
