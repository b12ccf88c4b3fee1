/** The long part of `operator.test.ts`: health of other locations, `accept-rollback`. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { treeHash } from '../migrations/states.js';
import { run } from '../support/cli.js';
import { fixture } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';
import { rolledBack } from './operator-support.js';

const test = suite('cli: operator, further');
test(
  'health of a wrong location: refused, with the reason',
  inTemp((dir) => {
    const [file, empty, gone, foreign] = ['file', 'empty', 'gone', 'foreign'].map((name) => join(dir, name)) as [
      string,
      string,
      string,
      string,
    ];
    writeFileSync(file, 'text');
    mkdirSync(empty);
    mkdirSync(foreign);
    writeFileSync(join(foreign, 'notes.txt'), '');
    for (const location of [file, empty, gone, foreign, fixture('wal', 'state')]) {
      const { status, stdout, stderr } = run('health', location);
      assert.equal([status, stdout], [3, ''], location);
      assert.match(stderr, /^LANESTORE_NOT_A_STORE: .*\nwhat to do: /, location);
    }
    assert.match(run('health', fixture('wal', 'state')).stderr, /lanestore import/);
  }),
);

test(
  'accept-rollback: only with the number of the newest batch, and only where a rollback is',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    const seq = await rolledBack(location);
    const before = treeHash(location);
    const wrong = run('accept-rollback', location, '--seq', String(BigInt(seq) + 1n), '--yes');
    assert.is(wrong.status, 3);
    assert.match(wrong.stderr, /^LANESTORE_INVALID: .*the newest batch that is there is \d+/);
    assert.is(run('accept-rollback', location, '--seq', seq).status, 2, 'without a terminal it does not ask');
    for (const text of ['1e3', '-1', '0x1']) assert.is(run('accept-rollback', location, `--seq=${text}`).status, 2);
    assert.is(treeHash(location), before);
    const { status, stdout, stderr } = run('accept-rollback', location, '--seq', seq, '--yes', '--json');
    assert.is(status, 0, stderr);
    assert.match(stderr, /lanestore release/);
    const accepted = JSON.parse(stdout);
    assert.is(accepted.acceptedSeq, seq);
    assert.ok(BigInt(accepted.seq) > BigInt(seq));
    assert.is(run('verify', location).status, 0);
    assert.is(run('health', location).status, 0);
    const again = run('accept-rollback', location, '--seq', accepted.seq, '--yes');
    assert.is(again.status, 3);
    assert.match(again.stderr, /^LANESTORE_INVALID: .*not rolled back/);
  }),
);

test(
  'health of a store whose witness is a FIFO or a link ends, with 1',
  inTemp(async (dir) => {
    const store = join(dir, 'store');
    assert.is(run('import', fixture('wal', 'state'), store).status, 0);
    const witness = join(store, 'witness');
    const makers: readonly (() => void)[] = [
      () => assert.is(spawnSync('mkfifo', [witness]).status, 0),
      () => symlinkSync(join(store, 'level', 'CURRENT'), witness),
    ];
    for (const make of makers) {
      rmSync(witness, { force: true });
      make();
      for (const args of [
        ['health', store],
        ['inspect', store, '--quick'],
        ['inspect', store],
      ]) {
        const { status, stdout, stderr } = run(...args);
        assert.is(status, 1, `${args[0]}: ${stdout}${stderr}`);
        assert.match(`${stdout}${stderr}`, /witness/);
      }
    }
  }),
);

test.run();
