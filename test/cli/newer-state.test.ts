/** Commands on a state directory of the original at 73f917bbd, and on a store made from it. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codecs } from '../../src/model/autobahn/73f917bbd/index.js';
import { copySeiState, seiExpected } from '../migrations/sei-states.js';
import { copyState, treeHash } from '../migrations/states.js';
import { jsonLines, run, runBytes, runLines } from '../support/cli.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: states of 73f917bbd');
const expected = seiExpected('ordinary');
const [LANE = ''] = Object.keys(expected.lanes);

/** A committee file with the epoch of the fixture. */
function epochFile(dir: string): string {
  const file = join(dir, 'epochs.json');
  writeFileSync(file, JSON.stringify({ epochs: [{ index: '0', from: '0', committee: expected.committee }] }));
  return file;
}

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

test(
  'import, and every command on the store; diff of the two; no export, no other version',
  inTemp(async (dir) => {
    const [state, wal, store] = [copySeiState('ordinary', dir), copyState('wal', dir), join(dir, 'store')];
    const committee = epochFile(dir);
    const imported = run('import', state, store, '--verify-signatures', '--committee', committee);
    assert.is(imported.status, 0, imported.stderr);
    assert.match(imported.stdout, /^sei-73f917bbd .*\n {2}-> level /);
    const [shown, get, listed, manifest, verified, same, plain, other, out, back, release, snapshot] = await runLines(
      dir,
      [
        ['inspect', store],
        ['get', store, 'anchor', '--json'],
        ['ls', store, 'qc/'],
        ['manifest', store],
        ['verify', store, '--signatures', '--committee', committee],
        ['diff', state, store, '--start-rules'],
        ['diff', state, store],
        ['diff', state, wal],
        ['export', store, join(dir, 'out'), '--layout', 'wal-crc', '--drop-signing-state'],
        ['export', store, join(dir, 'out'), '--layout', 'sei-73f917bbd'],
        ['release', store, '--reason', 'a test', '--as-is', '--dry-run'],
        ['snapshot', store, join(dir, 'snapshot')],
      ],
    );
    for (const { status, stderr } of [shown!, get!, listed!, manifest!, verified!, same!, release!, snapshot!])
      assert.is(status, 0, stderr);
    assert.match(shown!.stdout, /^model +autobahn\/73f917bbd$/m);
    assert.match(shown!.stdout, /^quarantine +rounds, app, lanes, own/m);
    assert.is(JSON.parse(get!.stdout).value.appQC.vote.roadIndex, '9');
    assert.is(listed!.stdout.trim().split('\n').length, 5);
    assert.equal(JSON.parse(manifest!.stdout).anchor, expected.anchor);
    assert.match(verified!.stdout, /^OK: /);
    assert.match(same!.stdout, /^equal: sei-73f917bbd, level$/m);
    assert.is(plain!.status, 4);
    assert.match(
      other!.stderr,
      /LANESTORE_SCHEMA: .*cannot read\nwhat to do: .*no conversion exists between the versions/,
    );
    assert.match(out!.stderr, /entries of autobahn\/73f917bbd cannot be written in the layout wal-crc/);
    assert.match(back!.stderr, /nothing is exported to sei-73f917bbd: it keeps whole rows of the data layer/);
  }),
);

test(
  'what is wrong: damage, a key that is absent or none, a committee file that is none',
  inTemp(async (dir) => {
    const state = copySeiState('ordinary', dir);
    const values = join(state, 'blockdb', 'blocks', 'segments', '0-0.values');
    const bytes = readFileSync(values);
    bytes[1300]! ^= 1;
    writeFileSync(values, bytes);
    writeFileSync(join(dir, 'keys.txt'), LANE);
    const log = join(state, 'commitqcs', '0.wal.u');
    const [row, absent, none, raw, file] = await runLines(dir, [
      ['verify', state],
      ['get', state, 'data/qc/1'],
      ['get', state, 'data/rows/1'],
      ['get', state, 'anchor', '--raw'],
      ['verify', state, '--signatures', '--committee', join(dir, 'keys.txt')],
    ]);
    assert.equal([row!.status, absent!.status, none!.status, raw!.status], [1, 5, 2, 2]);
    assert.match(row!.stdout, /^entry-\w+ {2}blockdb\/blocks\/segments\/0-0\.values, byte \d+: /m);
    assert.match(file!.stderr, /LANESTORE_INVALID: the committee file .*: it holds no epochs; it must be \{"epochs"/);
    const flipped = readFileSync(log);
    flipped[5000]! ^= 1;
    writeFileSync(log, flipped);
    const [damaged, inspected, json] = await runLines(dir, [
      ['verify', state],
      ['inspect', state],
      ['verify', state, '--json'],
    ]);
    assert.is(damaged!.status, 1);
    assert.match(
      damaged!.stdout,
      /^entries-lost {2}commitqcs\/0\.wal\.u, byte \d+: .*records between \d+ and \d+ are damaged/m,
    );
    assert.match(inspected!.stderr, /records between \d+ and \d+ are damaged/);
    assert.is(JSON.parse(json!.stdout).findings[0].kind, 'entries-lost');
    rmSync(state, { recursive: true });
    assert.is(run('verify', state).status === 0, false);
  }),
);

test.run();
