/** The long part of `watch.test.ts`: a count, closed pipes, full devices, no tip. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { begin, jsonLines, run, runFull, runUnread } from '../support/cli.js';
import { tree } from '../support/faults.js';
import { fixture } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: watch, ends');

test(
  'a count, a closed pipe, a full device, and a store without a tip',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    assert.is(run('import', fixture('wal', 'state'), location).status, 0);
    const before = tree(dir);
    const [twice, text, unread, full] = await Promise.all([
      begin(dir, 'watch', location, '--count', '2', '--interval', '1', '--json'),
      begin(dir, 'watch', location, '--count', '1'),
      runUnread(['watch', location, '--interval', '1']),
      runFull('stdout', 'watch', location, '--interval', '1'),
    ]);
    assert.equal([twice.status, text.status, unread.status, full.status], [0, 0, 0, 6]);
    const lines = jsonLines(twice.stdout);
    assert.equal(
      lines.map(({ seq, nextRoad, batchesPerSecond, bytesPerSecond }) => [
        seq,
        nextRoad,
        batchesPerSecond,
        bytesPerSecond,
      ]),
      [
        ['3', '40', null, null],
        ['3', '40', 0, 0],
      ],
    );
    assert.match(text.stdout, /^\S+Z {2}batch 3 {2}road 40 {2}blocks 232 {2}[\d.]+ KiB {2}[\d.]+ \w+ free\n$/);
    assert.equal(tree(dir), before, 'nothing is changed, and nothing is left');
    rmSync(join(location, 'level', 'CURRENT'));
    const damaged = run('watch', location, '--count', '1', '--json');
    assert.is(damaged.status, 1, damaged.stderr);
    assert.equal([JSON.parse(damaged.stdout).seq, JSON.parse(damaged.stdout).notes], [null, ['CURRENT is missing']]);
    assert.is(run('watch', location, '--interval', '0').status, 2);
  }),
);

test.run();
