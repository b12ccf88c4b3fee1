/** `lanestore inspect` as a real process. */
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn, openLevel } from '../../src/index.js';
import { treeHash } from '../migrations/states.js';
import { run, shapeOf } from '../support/cli.js';
import { rawBatch } from '../support/faults.js';
import { fixture } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: inspect');

test(
  'a store, for people and as JSON, while a node runs on it; no file is changed',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    assert.is(run('import', fixture('wal', 'state'), location).status, 0);
    const node = await openLevel(location, { model: autobahn });
    const before = treeHash(location);
    const shown = run('inspect', location);
    assert.is(shown.status, 0, shown.stderr);
    for (const line of [
      /^layout +level, format 2$/m,
      /^model +autobahn\/11419398f$/m,
      /^created +\d{4}-\d\d-\d\dT/m,
      /^anchor +road index 31$/m,
      /^CommitQCs +road indexes \[31, 40\) {2}9 held, /m,
      /^ {2}2bd4e778… \.+#+ +\[38, 53\) {2}15 held, /m,
      /^files .* free on the disk$/m,
      /^findings +none$/m,
    ]) {
      assert.match(shown.stdout, line);
    }
    assert.not.ok(shown.stdout.includes('\u001b'), 'no colour in a pipe');
    const json = JSON.parse(run('inspect', location, '--json').stdout);
    assert.equal(shapeOf(json), [
      ...['anchor', 'bytes', 'commitQCs', 'createdAt', 'evidence', 'files', 'findings', 'findingsTotal', 'format'],
      ...[
        'freeBytes',
        'innerBytes',
        'isDecoded',
        'lanes',
        'layout',
        'location',
        'model',
        'notes',
        'seq',
        'store',
        'votes',
      ],
      'witness',
    ]);
    assert.equal([json.anchor, json.format, json.commitQCs.first, json.commitQCs.next], ['31', 2, '31', '40']);
    assert.equal(shapeOf(json.lanes[0]), ['bytes', 'first', 'lane', 'next', 'unswept']);
    assert.is(treeHash(location), before);
    await node.close();
  }),
);

test(
  "the original's layouts, and a damaged store",
  inTemp(async (dir) => {
    const wal = run('inspect', fixture('wal-crc', 'state'), '--json');
    assert.is(wal.status, 0, wal.stderr);
    const json = JSON.parse(wal.stdout);
    assert.equal([json.layout, json.anchor, json.lanes.length, json.lanes[0].first], ['wal-crc', '31', 4, '38']);
    const location = join(dir, 'store');
    assert.is(run('import', fixture('wal', 'state'), location).status, 0);
    await rawBatch(location, [{ type: 'del', key: 'qc/00000000000000000035' }]);
    const damaged = run('inspect', location);
    assert.is(damaged.status, 1);
    assert.match(damaged.stdout, /^findings +\d+\n {2}missing {2}qc\/0+35: the record is missing/m);
    const findings = JSON.parse(run('inspect', location, '--json').stdout).findings;
    assert.equal([findings[0].kind, findings[0].number], ['missing', '35']);
    writeFileSync(join(dir, 'file'), '');
    assert.is(run('inspect', join(dir, 'file')).status, 3);
    cpSync(fixture('wal', 'state'), join(dir, 'mixed'), { recursive: true });
    writeFileSync(join(dir, 'mixed', 'witness'), '');
    const mixed = run('inspect', join(dir, 'mixed'), '--json');
    assert.is(mixed.status, 3);
    assert.is(JSON.parse(mixed.stderr).code, 'LANESTORE_IMPORT');
    assert.equal(shapeOf(JSON.parse(mixed.stderr)), ['code', 'findings', 'message', 'remedy']);
  }),
);

test.run();
