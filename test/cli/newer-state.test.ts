/** Commands on a state directory of the original at 73f917bbd, and on a store made from it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codecs } from '../../src/model/autobahn/73f917bbd/index.js';
import { copySeiState } from '../migrations/sei-states.js';
import { treeHash } from '../migrations/states.js';
import { jsonLines, runBytes, runLines } from '../support/cli.js';
import { inTemp } from '../support/temp.js';
import { epochFile, expected, LANE } from './newer-state-support.js';

const test = suite('cli: states of 73f917bbd');

test(
  'inspect, ls, get, manifest and verify read the directory; it is not changed',
  inTemp(async (dir) => {
    const state = copySeiState('ordinary', dir);
    const before = treeHash(state);
    const [shown, json, listed, blocks, rows, block, row, manifest, verified, signed] = await runLines(dir, [
      ['inspect', state],
      ['inspect', state, '--json'],
      ['ls', state],
      ['ls', state, `lane/${LANE.slice(0, 6)}/`, '--json'],
      ['ls', state, 'data/'],
      ['get', state, `lane/${LANE.slice(0, 4)}/3`, '--json'],
      ['get', state, 'data/block/1034'],
      ['manifest', state],
      ['verify', state],
      ['verify', state, '--signatures', '--committee', epochFile(dir)],
    ]);
    for (const { status, stderr } of [
      shown!,
      json!,
      listed!,
      blocks!,
      rows!,
      block!,
      row!,
      manifest!,
      verified!,
      signed!,
    ])
      assert.is(status, 0, stderr);
    for (const line of [
      /^layout +sei-73f917bbd$/m,
      /^anchor +road index 9$/m,
      /^ {2}block +\[1000, 1056\) {2}56 held/m,
    ]) {
      assert.match(shown!.stdout, line);
    }
    assert.equal(JSON.parse(json!.stdout).dataLayer.appqc, { first: '1000', next: '1039', held: 10, bytes: 4630 });
    const held = Object.values(expected.lanes).reduce((sum, list) => sum + list.length, 0);
    assert.is(listed!.stdout.trim().split('\n').length, 2 + held + 14 + 13 + 56 + 10 + 10);
    assert.is(jsonLines(blocks!.stdout).length, expected.lanes[LANE]!.length);
    assert.is(rows!.stdout.trim().split('\n').length, 13 + 56 + 10 + 10);
    const third = expected.lanes[LANE]![3] as unknown as { headerHash: string; number: string };
    assert.is(JSON.parse(block!.stdout).hashes.header, third.headerHash);
    assert.match(row!.stdout, /^stored\n {2}file blockdb\/blocks\/segments\/0-0\.values$/m);
    const { anchor, commitQCs, lanes } = JSON.parse(manifest!.stdout);
    assert.equal([anchor, commitQCs, lanes], [expected.anchor, expected.commitQCs, expected.lanes]);
    assert.match(verified!.stdout, /^OK: \d+ entries, .*, 13 rows of the data layer checked$/m);
    assert.match(signed!.stdout, /^OK: /);
    const proto = runBytes('get', state, 'data/qc/1034', '--proto');
    assert.is(codecs.fullCommitQC.fromWire(proto.stdout).qc.vote.view.index, 9n);
    assert.is(treeHash(state), before);
  }),
);

test.run();
