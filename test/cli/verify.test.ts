/** `lanestore verify` as a real process. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn, openLevel } from '../../src/index.js';
import { treeHash } from '../migrations/states.js';
import { run, shapeOf } from '../support/cli.js';
import { fixture } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: verify');

test(
  'a sound store is OK, while a node runs on it, with and without signatures',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    assert.is(run('import', fixture('wal', 'state'), location).status, 0);
    const committee = join(dir, 'committee.json');
    writeFileSync(committee, run('manifest', location).stdout);
    const node = await openLevel(location, { model: autobahn });
    const before = treeHash(location);
    const plain = run('verify', location);
    assert.is(plain.status, 0, plain.stdout + plain.stderr);
    assert.match(plain.stdout, /^OK: \d+ records, .*, 55 entries checked\n$/);
    const signed = run('verify', location, '--signatures', '--committee', committee, '--json');
    assert.is(signed.status, 0, signed.stdout + signed.stderr);
    const report = JSON.parse(signed.stdout);
    assert.equal([report.findingsTotal, report.refusal, report.checked], [0, null, 65]);
    for (const name of ['bytes', 'findings', 'location', 'notes', 'records', 'seq', 'tries', 'witness']) {
      assert.ok(shapeOf(report).includes(name), name);
    }
    assert.is(treeHash(location), before);
    await node.close();
    assert.is(run('verify', location, '--signatures').status, 2);
    assert.is(run('verify', join(dir, 'nowhere')).status, 3);
  }),
);

test(
  'a damaged store ends with 1 and every finding, and does not change',
  inTemp((dir) => {
    const location = join(dir, 'store');
    assert.is(run('import', fixture('wal', 'state'), location).status, 0);
    const level = join(location, 'level');
    const [largest = ''] = readdirSync(level)
      .filter((name) => /\.(log|ldb)$/.test(name))
      .sort((a, b) => readFileSync(join(level, b)).length - readFileSync(join(level, a)).length);
    const bytes = readFileSync(join(level, largest));
    bytes[Math.floor(bytes.length / 2)]! ^= 1;
    writeFileSync(join(level, largest), bytes);
    const before = treeHash(location);
    const damaged = run('verify', location);
    assert.is(damaged.status, 1, damaged.stdout + damaged.stderr);
    assert.match(damaged.stdout, /[1-9]\d* findings; /);
    assert.match(damaged.stdout, /a node would refuse the store: LANESTORE_(CORRUPT|ROLLED_BACK)/);
    const json = JSON.parse(run('verify', location, '--json').stdout);
    assert.ok(json.findingsTotal > 0 && json.findings[0].detail.length > 0);
    assert.is(treeHash(location), before);
  }),
);

test.run();
