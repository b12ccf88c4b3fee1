/**
 * Output that is not read, or cannot be written: the verdict decides the exit code, and a full device is an error of
 * its own.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { run, runFull, runIn, runUnread } from '../support/cli.js';
import { rawBatch } from '../support/faults.js';
import { fixture, loadExpected } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: output');
const STACK = /\n\s+at .*(?:\.js|node:)/;

/** A sound store, and a damaged one: a record is missing, another one does not have its checksum. */
async function stores(dir: string): Promise<{ sound: string; damaged: string }> {
  const [sound, damaged] = [join(dir, 'sound'), join(dir, 'damaged')];
  for (const store of [sound, damaged]) assert.is(run('import', fixture('wal', 'state'), store).status, 0);
  await rawBatch(damaged, [
    { type: 'del', key: 'qc/00000000000000000035' },
    { type: 'put', key: 'qc/00000000000000000036', value: new Uint8Array([1]) },
  ]);
  return { sound, damaged };
}

/** Every command that looks at a state, with the code of its verdict. */
function verdicts({ sound, damaged }: { sound: string; damaged: string }): [code: number, ...args: string[]][] {
  const other = fixture('wal-no-anchor', 'state');
  return [
    [1, 'verify', damaged],
    [1, 'inspect', damaged],
    [1, 'manifest', damaged],
    [1, 'ls', damaged],
    [1, 'get', damaged, 'qc/36'],
    [4, 'diff', sound, other],
    [0, 'verify', sound],
    [0, 'inspect', sound],
    [0, 'manifest', sound],
    [0, 'ls', sound],
    [0, 'get', sound, 'anchor'],
    [0, 'diff', sound, fixture('wal', 'state')],
    [0, 'help'],
    [0, 'version'],
  ];
}

test(
  'a reader that goes away: the check is finished, and its verdict is the exit code',
  inTemp(async (dir) => {
    for (const [code, ...args] of verdicts(await stores(dir))) {
      for (const json of code === 0 ? [[]] : [[], ['--json']]) {
        const { status, stderr } = await runUnread([...args, ...json]);
        assert.is(status, code, `${[...args, ...json].join(' ')}: ${stderr}`);
        assert.not.match(stderr, STACK);
      }
    }
  }),
);

test(
  'a reader that goes away: what is to be made is made',
  inTemp(async (dir) => {
    const [replayed, imported] = [join(dir, 'replayed'), join(dir, 'imported')];
    const acks = await runUnread(['replay', fixture('wal', 'rounds.jsonl'), replayed, '--acks']);
    assert.equal([acks.status, acks.stderr], [0, '']);
    assert.equal(JSON.parse(run('manifest', replayed).stdout), loadExpected('wal'));
    assert.is((await runUnread(['import', fixture('wal', 'state'), imported])).status, 0);
    assert.is(run('verify', imported).status, 0);
    assert.is((await runUnread(['export', imported, join(dir, 'wal'), '--layout', 'wal'])).status, 0);
    assert.is((await runUnread(['snapshot', imported, join(dir, 'snapshot')])).status, 0);
    assert.is(run('diff', join(dir, 'snapshot'), join(dir, 'wal')).status, 0);
  }),
);

test(
  'a full device ends with 6 whatever the verdict, with one sentence and no stack',
  inTemp(async (dir) => {
    for (const [code, ...args] of verdicts(await stores(dir))) {
      const plain = runFull('stdout', ...args);
      assert.is(plain.status, 6, `${args.join(' ')}: ${plain.stderr}`);
      assert.match(plain.stderr, /^standard output cannot be written: ENOSPC.*\nwhat to do: /m);
      assert.not.match(plain.stderr, STACK);
      if (code === 0) continue;
      const json = runFull('stdout', ...args, '--json');
      assert.is(json.status, 6, args.join(' '));
      const lines = json.stderr.trim().split('\n');
      assert.is(JSON.parse(lines.at(-1) ?? '').code, 'OUTPUT', json.stderr);
    }
    const store = join(dir, 'replayed');
    assert.is(runFull('stdout', 'replay', fixture('wal', 'rounds.jsonl'), store, '--acks').status, 6);
    assert.equal(JSON.parse(run('manifest', store).stdout), loadExpected('wal'));
  }),
);

test(
  'standard error that cannot be written changes no exit code',
  inTemp(async (dir) => {
    const found = await stores(dir);
    assert.is(runFull('stderr', 'verify').status, 2);
    assert.is(runFull('stderr', 'get', found.sound, 'qc/99').status, 5);
    assert.is(runFull('both', 'verify', found.damaged).status, 6);
    for (const [code, ...args] of verdicts(found).filter(([code]) => code !== 0))
      assert.is(runFull('stderr', ...args).status, code, args.join(' '));
  }),
);

test(
  'what the system refuses is LANESTORE_IO, and no stack trace',
  inTemp((dir) => {
    mkdirSync(join(dir, 'work'));
    writeFileSync(join(dir, 'work', 'lanestore-demo'), '');
    const { status, stderr } = runIn(join(dir, 'work'), 'demo');
    assert.is(status, 3, stderr);
    assert.match(stderr, /^LANESTORE_IO: EEXIST/);
    assert.not.match(stderr, STACK);
  }),
);

test.run();
