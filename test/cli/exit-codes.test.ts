/** The exit codes: one table, in the code, in `help` and in docs/exit-codes.md; and a real process for each of them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXIT_CODES, SIGNAL_EXIT } from '../../src/cli/exit-codes.js';
import { run, runFull, runIn, shapeOf } from '../support/cli.js';
import { rawBatch } from '../support/faults.js';
import { fixture, packageRoot } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: exit codes');
const VERBS = [
  ...['inspect', 'verify', 'ls', 'get', 'manifest', 'diff', 'import', 'export', 'migrate', 'snapshot', 'replay'],
  ...['demo', 'bench', 'version', 'help'],
];

test('the page and help say what the table says', () => {
  const rows = [...Object.values(EXIT_CODES), SIGNAL_EXIT];
  const page = readFileSync(join(packageRoot, 'docs', 'exit-codes.md'), 'utf8');
  const shown = page.split('\n').filter((line) => /^\| \d/.test(line));
  assert.equal(
    shown,
    rows.map(({ code, means }) => `| ${code} | ${means} |`),
  );
  const help = run('help').stdout;
  for (const { code, means } of rows) assert.ok(help.includes(`  ${String(code).padEnd(7)} ${means}\n`), means);
  assert.equal(JSON.parse(run('help', '--json').stdout).exitCodes, rows);
  const codes = Object.values(EXIT_CODES).map(({ code }) => code);
  assert.is(new Set<number>(codes).size, codes.length, 'no two outcomes share a code');
});

test(
  'damaged, unreadable, different and absent each have a code of their own; a bug is not damage',
  inTemp(async (dir) => {
    const [store, damaged] = [join(dir, 'store'), join(dir, 'damaged')];
    for (const location of [store, damaged]) assert.is(run('import', fixture('wal', 'state'), location).status, 0);
    await rawBatch(damaged, [{ type: 'del', key: 'qc/00000000000000000035' }]);
    const bug = join(dir, 'bug.mjs');
    writeFileSync(
      bug,
      "import fs from 'node:fs'; import { syncBuiltinESMExports } from 'node:module';\n" +
        "fs.statfsSync = () => { throw new TypeError('a bug'); }; syncBuiltinESMExports();\n",
    );
    const ended = {
      ok: run('get', store, 'qc/35'),
      damaged: run('verify', damaged),
      usage: run('get', store, 'qc/35', '--xml'),
      refused: run('get', join(dir, 'nowhere'), 'qc/35'),
      differs: run('diff', store, fixture('wal-no-anchor', 'state')),
      absent: run('get', store, 'qc/99'),
      output: runFull('stdout', 'get', store, 'qc/35'),
      internal: runIn(dir, `--import=${bug}`, 'inspect', store),
    };
    assert.equal(shapeOf(ended), shapeOf(EXIT_CODES), 'every outcome is tried');
    for (const [name, { code }] of Object.entries(EXIT_CODES)) {
      const { status, stderr } = ended[name as keyof typeof ended];
      assert.is(status, code, `${name}: ${stderr}`);
    }
    assert.match(ended.internal.stderr, /^TypeError: a bug\n\s+at /);
  }),
);

test(
  'a key that a store must hold and does not is damage; one that it need not hold is absent',
  inTemp(async (dir) => {
    const location = join(dir, 'store');
    assert.is(run('import', fixture('wal', 'state'), location).status, 0);
    for (const args of [
      ['get', location, 'qc/35x'],
      ['get', location, 'lane/7/50'],
      ['ls', location, 'lane/7/'],
    ])
      assert.is(run(...args).status, 2, args.join(' '));
    for (const args of [
      ['get', location, 'qc/99'],
      ['get', location, 'lane/ffff/1'],
      ['ls', location, 'qc/99'],
      ['ls', location, 'lane/ffff/'],
      ['ls', location, 'zebra'],
    ]) {
      const { status, stdout, stderr } = run(...args);
      assert.equal([status, stdout], [5, ''], args.join(' '));
      assert.match(stderr, /^(?:there is no qc\/0+99 in|no lane begins with ffff|no key of .* begins with)/);
      assert.match(stderr, /\nwhat to do: lanestore ls lists what there is; nothing was changed\n$/);
      assert.equal(JSON.parse(run(...args, '--json').stderr).code, 'ABSENT');
    }
    await rawBatch(location, [{ type: 'del', key: 'qc/00000000000000000035' }]);
    for (const args of [
      ['get', location, 'qc/35'],
      ['ls', location, 'qc/35'],
      ['ls', location],
    ]) {
      const { status, stderr } = run(...args);
      assert.is(status, 1, args.join(' '));
      assert.match(stderr, /^qc\/0+35: missing: /);
    }
    assert.is(run('ls', location, 'qc/36').status, 0, 'the rest of the store is not asked about');
  }),
);

test('the version, by every name', () => {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'));
  for (const args of [['version'], ['--version'], ['-V']]) {
    const { status, stdout, stderr } = run(...args);
    assert.equal([status, stdout, stderr], [0, `lanestore ${version}\n`, '']);
    assert.is(JSON.parse(run(...args, '--json').stdout).version, version);
  }
});

test('help of every command, in both orders', () => {
  const listed = JSON.parse(run('help', '--json').stdout).commands.map(({ name }: { name: string }) => name);
  assert.equal(listed, VERBS);
  for (const name of VERBS) {
    const after = run(name, '--help');
    assert.is(after.status, 0, after.stderr);
    assert.ok(after.stdout.startsWith(`usage: lanestore ${name}`), after.stdout);
    assert.equal(run('help', name), after);
    assert.equal(run(name, '-h'), after);
    for (const line of after.stdout.split('\n')) assert.ok(line.length <= 120, line);
  }
});

test(
  'options and arguments that a command does not have, and empty ones, end with 2 and its usage; nothing is made',
  inTemp((dir) => {
    for (const name of VERBS) {
      for (const args of [['--nonsense'], ['a', 'b', 'c'], ['--json=yes'], ['']]) {
        const { status, stdout, stderr } = runIn(dir, name, ...args);
        assert.equal([status, stdout], [2, ''], `${name} ${args.join(' ')}: ${stderr}`);
        assert.match(stderr, new RegExp(`usage: lanestore ${name}`));
      }
    }
    for (const args of [['replay', 'a', 'b', '--pace-ms', ''], ['replay', 'a', 'b', '--in-flight', '1e1'], ['--json']])
      assert.is(runIn(dir, ...args).status, 2, args.join(' '));
    const { status, stdout, stderr } = run();
    assert.equal([status, stdout], [2, '']);
    assert.match(stderr, /^usage: lanestore/);
  }),
);

test('an unknown command names the one that may be meant', () => {
  for (const [typed, meant] of [
    ['verfy', 'verify'],
    ['snapshit', 'snapshot'],
    ['improt', 'import'],
  ] as const) {
    const { status, stderr } = run(typed);
    assert.is(status, 2);
    assert.match(stderr, new RegExp(`^unknown command "${typed}"; did you mean ${meant}\\?`));
    assert.match(run('help', typed).stderr, new RegExp(`did you mean ${meant}\\?`));
  }
  assert.not.match(run('frobnicate').stderr, /did you mean/);
  assert.is(run('toString').status, 2);
});

test.run();
