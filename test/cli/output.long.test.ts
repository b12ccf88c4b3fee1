/**
 * Output that is not read, or cannot be written: the verdict decides the exit code, and a full
 * device is a separate error.
 */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { begin, run, runFull, runIn, runUnread } from '../support/cli.js';
import { rawBatch } from '../support/faults.js';
import { entriesIn, fixture, loadExpected } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: output');
const STACK = /\n\s+at .*(?:\.js|node:)/;

/** A sound store and a damaged store: a record is missing, another has a wrong checksum. */
async function stores(dir: string): Promise<{ sound: string; damaged: string }> {
  const [sound, damaged] = [join(dir, 'sound'), join(dir, 'damaged')];
  assert.is(run('import', fixture('wal', 'state'), sound).status, 0);
  cpSync(sound, damaged, { recursive: true });
  await rawBatch(damaged, [
    { type: 'del', key: 'qc/00000000000000000035' },
    { type: 'put', key: 'qc/00000000000000000036', value: new Uint8Array([1]) },
  ]);
  return { sound, damaged };
}

/** Every command that inspects a state, with the exit code of its verdict. */
function verdicts({ sound, damaged }: { sound: string; damaged: string }): [code: number, ...args: string[]][] {
  const different = fixture('wal-no-anchor', 'state');
  return [
    [1, 'verify', damaged],
    [1, 'inspect', damaged],
    [1, 'manifest', damaged],
    [1, 'ls', damaged],
    [1, 'stats', damaged],
    [1, 'get', damaged, 'qc/36'],
    [4, 'diff', sound, different],
    [4, 'diff', sound, different, sound],
    [0, 'verify', sound],
    [0, 'inspect', sound],
    [0, 'manifest', sound],
    [0, 'ls', sound],
    [0, 'stats', sound],
    [0, 'get', sound, 'anchor'],
    [0, 'diff', sound, fixture('wal', 'state')],
    [0, 'help'],
    [0, 'version'],
  ];
}

test(
  'a reader that closes the pipe: the check is finished, and its verdict is the exit code',
  inTemp(async (dir) => {
    const check = async (code: number, args: string[]) => {
      const { status, stderr } = await runUnread(args);
      assert.is(status, code, `${args.join(' ')}: ${stderr}`);
      assert.not.match(stderr, STACK);
    };
    await Promise.all(
      verdicts(await stores(dir)).flatMap(([code, ...args]) =>
        code === 0 ? [check(code, args)] : [check(code, args), check(code, [...args, '--json'])],
      ),
    );
  }),
);

test(
  'a reader that closes the pipe: stores and files are made all the same',
  inTemp(async (dir) => {
    const [replayed, imported] = [join(dir, 'replayed'), join(dir, 'imported')];
    const replay = async () => {
      const acks = await runUnread(['replay', fixture('wal', 'rounds.jsonl'), replayed, '--acks']);
      assert.equal([acks.status, acks.stderr], [0, '']);
      assert.equal(entriesIn((await begin(dir, 'manifest', replayed)).stdout), loadExpected('wal'));
    };
    const copy = async () => {
      assert.is((await runUnread(['import', fixture('wal', 'state'), imported])).status, 0);
      const [verified, exported, copied] = await Promise.all([
        begin(dir, 'verify', imported),
        runUnread(['export', imported, join(dir, 'wal'), '--layout', 'wal']),
        runUnread(['snapshot', imported, join(dir, 'snapshot')]),
      ]);
      assert.equal([verified.status, exported.status, copied.status], [0, 0, 0]);
      assert.is((await begin(dir, 'diff', 'snapshot', 'wal')).status, 0);
    };
    await Promise.all([replay(), copy()]);
  }),
);

test(
  'a full device ends with 6 whatever the verdict, with one sentence and no stack',
  inTemp(async (dir) => {
    const check = async (code: number, args: string[]) => {
      const plain = await runFull('stdout', ...args);
      assert.is(plain.status, 6, `${args.join(' ')}: ${plain.stderr}`);
      assert.match(plain.stderr, /^standard output cannot be written: ENOSPC.*\nwhat to do: /m);
      assert.not.match(plain.stderr, STACK);
      if (code === 0) return;
      const json = await runFull('stdout', ...args, '--json');
      assert.is(json.status, 6, args.join(' '));
      const lines = json.stderr.trim().split('\n');
      assert.is(JSON.parse(lines.at(-1) ?? '').code, 'OUTPUT', json.stderr);
    };
    await Promise.all(verdicts(await stores(dir)).map(([code, ...args]) => check(code, args)));
    const store = join(dir, 'replayed');
    assert.is((await runFull('stdout', 'replay', fixture('wal', 'rounds.jsonl'), store, '--acks')).status, 6);
    assert.equal(entriesIn(run('manifest', store).stdout), loadExpected('wal'));
  }),
);

test(
  'standard error that cannot be written changes no exit code',
  inTemp(async (dir) => {
    const found = await stores(dir);
    const check = async (code: number, full: 'stderr' | 'both', ...args: string[]) =>
      assert.is((await runFull(full, ...args)).status, code, args.join(' '));
    await Promise.all([
      check(2, 'stderr', 'verify'),
      check(5, 'stderr', 'get', found.sound, 'qc/99'),
      check(6, 'both', 'verify', found.damaged),
      ...verdicts(found)
        .filter(([code]) => code !== 0)
        .map(([code, ...args]) => check(code, 'stderr', ...args)),
    ]);
  }),
);

test(
  'an error of the system is LANESTORE_IO, and no stack trace',
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
