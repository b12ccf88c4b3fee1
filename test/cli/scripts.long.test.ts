/**
 * The repository's own programs, `npm run bench`, `devnet` and `faults`: help, usage, failing
 * output, signals. They run as npm runs them, once built.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: scripts');
const SCRIPTS = { bench: 'bench/main.js', devnet: 'examples/devnet/main.js', faults: 'test/faults/main.js' } as const;

function pathOf(name: keyof typeof SCRIPTS): string {
  return join(packageRoot, '.build', SCRIPTS[name]);
}

function script(name: keyof typeof SCRIPTS, ...args: string[]) {
  return spawnSync(process.execPath, [pathOf(name), ...args], { encoding: 'utf8' });
}

const NAMES = Object.keys(SCRIPTS) as (keyof typeof SCRIPTS)[];

test('--help goes to stdout and ends with 0, and names the exit codes', () => {
  for (const name of NAMES) {
    for (const option of ['--help', '-h', 'help']) {
      const { status, stdout, stderr } = script(name, option);
      assert.equal([status, stderr], [0, ''], name);
      assert.ok(stdout.startsWith(`npm run ${name} -- [options]\n`), stdout);
      assert.match(stdout, /^Exit codes: 0 .*; 1 .*; 2 usage;\n {2}6 .*; 7 /m);
    }
  }
});

test('the version, as the command line gives it', () => {
  const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'));
  for (const name of NAMES) {
    for (const option of ['--version', '-V', 'version']) {
      const { status, stdout, stderr } = script(name, option);
      assert.equal([status, stdout, stderr], [0, `lanestore ${version}\n`, ''], name);
    }
  }
});

test('usage errors end with 2 and the usage on stderr', () => {
  const wrong: [keyof typeof SCRIPTS, ...string[]][] = [
    ['bench', '--reps', ''],
    ['bench', '--only', 'paper'],
    ['devnet', '--pace-ms', ''],
    ['devnet', '--nodes', '1e1'],
    ['faults', '--seed', ''],
    ['faults', '--rows', 'paper'],
    ['faults', '--part', '5/4'],
  ];
  for (const [name, ...args] of [
    ...wrong,
    ...NAMES.flatMap((name) => [[name, '--nonsense'] as const, [name, 'x'] as const]),
  ]) {
    const { status, stdout, stderr } = script(name, ...args);
    assert.equal([status, stdout], [2, ''], `${name} ${args.join(' ')}: ${stderr}`);
    assert.match(stderr, new RegExp(`^[^\\n]+\\n\\nnpm run ${name} -- \\[options\\]\\n`));
  }
});

test('output to a full device ends with 6, without a stack', () => {
  const device = openSync('/dev/full', 'w');
  try {
    for (const name of NAMES) {
      const stdio = ['ignore', device, 'pipe'] as const;
      const { status, stderr } = spawnSync(process.execPath, [pathOf(name), '--help'], {
        encoding: 'utf8',
        stdio: [...stdio],
      });
      assert.is(status, 6, `${name}: ${stderr}`);
      assert.match(stderr, /^standard output cannot be written: ENOSPC[^\n]*\n$/);
    }
  } finally {
    closeSync(device);
  }
});

test(
  'a signal ends devnet and bench, and removes their temporary files',
  inTemp(async (dir) => {
    for (const [name, ...args] of [
      ['devnet', '--rounds', '99999'],
      ['bench', '--quick', '--only', 'level', '--dir', join(dir, 'tmp')],
    ] as const) {
      const temporary = join(dir, 'tmp');
      mkdirSync(temporary, { recursive: true });
      const child = spawn(process.execPath, [pathOf(name), ...args], {
        stdio: 'ignore',
        env: { ...process.env, TMPDIR: temporary },
      });
      const ended = once(child, 'close');
      // Wait until a child process has made its own files.
      const isAtWork = () => readdirSync(temporary, { recursive: true }).length > 2;
      for (let tries = 0; !isAtWork() && child.exitCode === null && tries < 6000; tries++) await sleep(10);
      child.kill('SIGTERM');
      assert.equal(await ended, [null, 'SIGTERM'], name);
      assert.equal(readdirSync(temporary), [], name);
    }
  }),
);

test.run();
