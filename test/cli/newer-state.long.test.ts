/** The long part of `newer-state.test.ts`: the imported store, and what is wrong. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { copySeiState } from '../migrations/sei-states.js';
import { copyState } from '../migrations/states.js';
import { run, runLines } from '../support/cli.js';
import { inTemp } from '../support/temp.js';
import { epochFile, expected, LANE } from './newer-state-support.js';

const test = suite('cli: newer states, further');

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
