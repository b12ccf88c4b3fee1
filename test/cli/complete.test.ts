/** Completion in shells, and that only the command line loads what it needs for it. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { run } from '../support/cli.js';
import { packageRoot } from '../support/fixtures.js';

const test = suite('cli: completion');

const completed = (...words: string[]) => {
  const { status, stdout, stderr } = run('complete', '--', ...words);
  assert.is(status, 0, stderr);
  return stdout.split('\n').map((line) => line.split('\t')[0]);
};

test('every command and its options are completed', () => {
  const names: string[] = JSON.parse(run('help', '--json').stdout).commands.map(({ name }: { name: string }) => name);
  const all = completed('');
  for (const name of names) assert.ok(all.includes(name), name);
  assert.ok(completed('insp').includes('inspect'));
  assert.ok(completed('verify', '--').includes('--committee'));
});

test('a script for each shell; another name is a usage error', () => {
  for (const shell of ['bash', 'zsh', 'fish', 'powershell']) {
    const { status, stdout, stderr } = run('complete', shell);
    assert.is(status, 0, stderr);
    assert.match(stdout, /lanestore/, shell);
  }
  const bash = spawnSync('bash', ['-n'], { input: run('complete', 'bash').stdout, encoding: 'utf8' });
  assert.equal([bash.status, bash.stderr], [0, '']);
  assert.is(run('complete', 'tcsh').status, 2);
});

test('no entry point of the library loads a module that only the command line needs', () => {
  const { exports } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'));
  const entries = Object.values<{ default?: string }>(exports).flatMap((target) => target.default ?? []);
  const imports = entries.map((path) => `await import(${JSON.stringify(join(packageRoot, path))});`).join('\n');
  const hook = `
    import { register } from 'node:module';
    register('data:text/javascript,' + encodeURIComponent(\`
      export async function resolve(specifier, context, next) {
        const found = await next(specifier, context);
        if (/@bomb\\\\.sh|dist\\\\/cli\\\\//.test(found.url)) throw new Error('loaded: ' + found.url);
        return found;
      }\`));
  `;
  const evaluate = (code: string) =>
    spawnSync(process.execPath, ['--input-type=module', '-e', `${hook}\n${code}`], {
      cwd: packageRoot,
      encoding: 'utf8',
    });
  const library = evaluate(imports);
  assert.is(library.status, 0, library.stderr);
  assert.match(evaluate("await import('@bomb.sh/tab');").stderr, /loaded: /, 'the check can fail');
});

test.run();
