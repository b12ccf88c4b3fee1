/** `inspect --disk`: what the disk does, and whether that is enough for the node that writes. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type DiskReport, diskLines, reportOf } from '../../src/cli/disk.js';
import { autobahn, openLevel } from '../../src/index.js';
import { begin, run } from '../support/cli.js';
import { fixture } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: inspect --disk');

test('the verdict: too slow if syncs take more than 80 % of the time', () => {
  const slow = reportOf([40, 60, 50], 18);
  assert.equal([slow.p50Ms, slow.p99Ms, slow.batchesPerSecondMax], [50, 60, 20]);
  assert.is(slow.isTooSlow, true);
  assert.match(diskLines(slow)[0], /^one fdatasync takes 50\.00 ms .*: at most 20 batches a second$/);
  assert.match(diskLines(slow)[1], /^a node wrote 18\.0 batches a second, 90 % .*: the disk is too slow for this rate/);
  const enough = reportOf([40, 60, 50], 15);
  assert.is(enough.isTooSlow, false);
  assert.not.match(diskLines(enough)[1], /too slow/);
  const unused = reportOf([50], null);
  assert.equal([unused.busyShare, unused.isTooSlow], [null, false]);
  assert.match(diskLines(unused)[1], /^no node wrote/);
});

test(
  'it measures next to a store on which a node writes, counts the batches, and leaves nothing',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    assert.is(run('import', fixture('wal', 'state'), location).status, 0);
    const store = await openLevel(location, { model: autobahn });
    let isDone = false;
    const writing = (async () => {
      while (!isDone) {
        await store.persist({ inner: new Uint8Array(32) });
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();
    const { status, stdout, stderr } = await begin(dir, 'inspect', location, '--disk', '--json');
    isDone = true;
    await writing;
    await store.close();
    assert.is(status, 0, stderr);
    const { disk }: { disk: DiskReport } = JSON.parse(stdout);
    assert.ok(disk.syncs >= 20, `${disk.syncs} syncs`);
    assert.ok(disk.meanMs > 0 && disk.p50Ms <= disk.p99Ms);
    assert.ok(disk.batchesPerSecond !== null && disk.batchesPerSecond > 0, 'the batches of the node are counted');
    assert.equal(readdirSync(dir), ['store']);
    assert.match(run('inspect', location, '--disk').stdout, /^disk +one fdatasync takes .*\n +no node wrote/m);
    assert.is(run('inspect', location, '--disk', '--quick').status, 2);
  }),
);

test.run();
