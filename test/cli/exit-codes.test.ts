/**
 * The exit codes: one table, in the code, in `help` and in docs/exit-codes.md; and a real process
 * for each code.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXIT_CODES, SIGNAL_EXIT } from '../../src/cli/exit-codes.js';
import { begin, type CommandLines, run, runFull, runLines, shapeOf } from '../support/cli.js';
import { rawBatch } from '../support/faults.js';
import { fixture, packageRoot } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: exit codes');
const HERE = process.cwd();
const VERBS = [
  ...[
    'inspect',
    'health',
    'verify',
    'ls',
    'get',
    'find',
    'stats',
    'watch',
    'lane',
    'round',
    'manifest',
    'diff',
    'bundle',
    'import',
    'export',
    'migrate',
    'snapshot',
    'release',
    'handover',
    'votes',
    'witness-server',
    'compact',
    'accept-rollback',
    'serve',
    'replay',
  ],
  ...['demo', 'bench', 'complete', 'version', 'help'],
];

test('the page and help match the table', () => {
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
    for (const location of [store, damaged])
      assert.is((await begin(HERE, 'import', fixture('wal', 'state'), location)).status, 0);
    await rawBatch(damaged, [{ type: 'del', key: 'qc/00000000000000000035' }]);
    const bug = join(dir, 'bug.mjs');
    writeFileSync(
      bug,
      "import fs from 'node:fs'; import { syncBuiltinESMExports } from 'node:module';\n" +
        "fs.statfsSync = () => { throw new TypeError('a bug'); }; syncBuiltinESMExports();\n",
    );
    const endings = {
      ok: begin(HERE, 'get', store, 'qc/35'),
      damaged: begin(HERE, 'verify', damaged),
      usage: begin(HERE, 'get', store, 'qc/35', '--xml'),
      refused: begin(HERE, 'get', join(dir, 'nowhere'), 'qc/35'),
      differs: begin(HERE, 'diff', store, fixture('wal-no-anchor', 'state')),
      absent: begin(HERE, 'get', store, 'qc/99'),
      output: runFull('stdout', 'get', store, 'qc/35'),
      internal: begin(dir, `--import=${bug}`, 'inspect', store),
    };
    assert.equal(shapeOf(endings), shapeOf(EXIT_CODES), 'every outcome is tried');
    for (const [name, { code }] of Object.entries(EXIT_CODES)) {
      const { status, stderr } = await endings[name as keyof typeof endings];
      assert.is(status, code, `${name}: ${stderr}`);
    }
    assert.match((await endings.internal).stderr, /^TypeError: a bug\n\s+at /);
  }),
);

test('a floor that is given twice is a usage error', async () => {
  const floors = ['--floor', 'commit=7,3', '--floor', 'commit=6,0'];
  const args = ['release', HERE, '--reason', 'a test', '--open', 'rounds', ...floors];
  const { status, stderr } = await begin(HERE, ...args);
  assert.is(status, 2);
  assert.match(stderr, /commit twice/);
});

test('the version, by every name', async () => {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'));
  const check = async (name: string) => {
    const [plain, json] = await Promise.all([begin(HERE, name), begin(HERE, name, '--json')]);
    assert.equal(plain, { status: 0, stdout: `lanestore ${version}\n`, stderr: '' });
    assert.is(JSON.parse(json.stdout).version, version);
  };
  await Promise.all(['version', '--version', '-V'].map(check));
  const lines = VERBS.flatMap((name) => [
    [name, '--version'],
    [name, '-V'],
  ]);
  for (const [place, result] of (await runLines(HERE, lines)).entries())
    assert.equal(result, { status: 0, stdout: `lanestore ${version}\n`, stderr: '' }, lines[place]!.join(' '));
});

test('help of every command, in both orders', async () => {
  const listed = JSON.parse(run('help', '--json').stdout).commands.map(({ name }: { name: string }) => name);
  assert.equal(listed, VERBS);
  const orders = VERBS.map((name) => [
    [name, '--help'],
    ['help', name],
    [name, '-h'],
  ]);
  const results = await runLines(HERE, orders.flat());
  assert.equal(await begin(HERE, 'help', 'verify'), results[orders.flat().findIndex(([, name]) => name === 'verify')]);
  for (const [place, name] of VERBS.entries()) {
    const [after, before, short] = results.slice(3 * place, 3 * place + 3);
    assert.equal(shapeOf(after!), ['status', 'stderr', 'stdout']);
    assert.is(after!.status, 0, after!.stderr);
    assert.ok(after!.stdout.startsWith(`usage: lanestore ${name}`), after!.stdout);
    assert.equal(before, after);
    assert.equal(short, after);
    for (const line of after!.stdout.split('\n')) assert.ok(line.length <= 120, line);
  }
});

test(
  'unknown options and arguments, and empty ones, end with 2 and the usage; nothing is made',
  inTemp(async (dir) => {
    const wrong = VERBS.flatMap(
      (name) => [['--nonsense'], ['a', 'b', 'c'], ['--json=yes'], ['']].map((args) => [name, ...args]),
      // serve and diff take any number of locations.
    ).filter(([name = '', first]) => !['serve', 'diff'].includes(name) || first !== 'a');
    const values: CommandLines = [
      ['replay', 'a', 'b', '--pace-ms', ''],
      ['replay', 'a', 'b', '--in-flight', '1e1'],
      ['--json'],
    ];
    const results = await runLines(dir, [...wrong, ...values, []]);
    assert.equal(await begin(dir, 'get', '--nonsense'), results[wrong.findIndex(([name]) => name === 'get')]);
    for (const [place, args] of wrong.entries()) {
      const { status, stdout, stderr } = results[place]!;
      assert.equal([status, stdout], [2, ''], `${args.join(' ')}: ${stderr}`);
      assert.match(stderr, new RegExp(`usage: lanestore ${args[0]}`));
    }
    for (const [place, args] of values.entries()) assert.is(results[wrong.length + place]!.status, 2, args.join(' '));
    const { status, stdout, stderr } = results.at(-1)!;
    assert.equal([status, stdout], [2, '']);
    assert.match(stderr, /^usage: lanestore/);
    assert.equal(readdirSync(dir), []);
  }),
);

test('an unknown command is answered with the most similar one', async () => {
  const meant = { verfy: 'verify', snapshit: 'snapshot', improt: 'import' };
  const typed = Object.keys(meant);
  const unknown = ['frobnicate', 'toString'];
  const results = await runLines(
    HERE,
    [...typed, ...unknown].flatMap((name) => [[name], ['help', name]]),
  );
  for (const [place, command] of Object.values(meant).entries()) {
    const [alone, help] = results.slice(2 * place);
    assert.is(alone!.status, 2);
    assert.match(alone!.stderr, new RegExp(`^unknown command "${typed[place]}"; did you mean ${command}\\?`));
    assert.match(help!.stderr, new RegExp(`did you mean ${command}\\?`));
  }
  for (const { status, stderr } of results.slice(2 * typed.length)) {
    assert.is(status, 2);
    assert.not.match(stderr, /did you mean/);
  }
});

test.run();
