/**
 * Every `@example` of a doc comment in src: extracted, compiled against the built package, and run
 * in a folder that holds a store.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { autobahn, entryChecks, importState } from '../../src/index.js';
import { packageRoot } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('examples in doc comments');

/** One example, and the declaration that it documents. */
interface Example {
  readonly file: string;
  readonly name: string;
  readonly code: string;
}

function examplesIn(file: string): Example[] {
  const text = readFileSync(join(packageRoot, 'src', file), 'utf8');
  return [...text.matchAll(/^( *)\/\*\*\n(?:\1 \*.*\n)+?\1 \*\/\n(.*)/gm)].flatMap(([comment, , declaration = '']) => {
    const name = /(?:function\*?|const|interface|class) (\w+)|^ *(\w+)\(/.exec(declaration);
    const blocks = comment.matchAll(/^ *\* @example\n *\* ```ts\n([\s\S]*?)^ *\* ```$/gm);
    return [...blocks].map(([, lines = '']) => ({
      file,
      name: name?.[1] ?? name?.[2] ?? '',
      code: lines.replaceAll(/^ *\* ?/gm, ''),
    }));
  });
}

const sources = readdirSync(join(packageRoot, 'src'), { recursive: true, encoding: 'utf8' });
const examples = sources.filter((name) => name.endsWith('.ts')).flatMap(examplesIn);

/**
 * Compiles the examples as modules of one program. Returns their files, in the order of the
 * examples.
 */
function compiled(): string[] {
  const [from, to] = ['docs-examples', 'run-examples'].map((name) => join(packageRoot, '.build', name)) as [
    string,
    string,
  ];
  for (const folder of [from, to]) rmSync(folder, { recursive: true, force: true });
  mkdirSync(from, { recursive: true });
  const names = examples.map(({ name }, i) => `${i}-${name}`);
  for (const [i, { code }] of examples.entries()) writeFileSync(join(from, `${names[i]}.ts`), code);
  const compilerOptions = { rootDir: '.', outDir: to, types: ['node'] };
  writeFileSync(
    join(from, 'tsconfig.json'),
    JSON.stringify({ extends: '../../tsconfig.json', compilerOptions, include: ['.'] }),
  );
  const tsc = join(packageRoot, 'node_modules/.bin/tsc');
  const { status, stdout, stderr } = spawnSync(tsc, ['-p', from], { encoding: 'utf8' });
  assert.is(status, 0, `${stdout}${stderr}`);
  return names.map((name) => join(to, `${name}.js`));
}

/** Imports each module in its own folder; the arguments are pairs of module and folder. */
const RUNNER = `
const modules = process.argv.slice(1);
for (let i = 0; i < modules.length; i += 2) {
  process.chdir(modules[i + 1]);
  try {
    await import(modules[i]);
  } catch (error) {
    console.error(modules[i], error);
    process.exitCode = 1;
  }
}`;

test(
  'each example compiles, and runs where "state" is a store and "data" a directory of the original',
  inTemp(async (dir) => {
    const files = compiled();
    const [state, data] = [join(dir, 'state'), join(packageRoot, 'test/fixtures/wal/state')];
    await importState(data, state, { model: autobahn, checks: entryChecks() });
    const modules = files.flatMap((file, i) => {
      // Needs servers; what it shows is in test/adapter/postgres.
      if (examples[i]?.code.includes('postgres://')) return [];
      const folder = join(dir, `${i}`);
      cpSync(state, join(folder, 'state'), { recursive: true });
      cpSync(data, join(folder, 'data'), { recursive: true });
      return [file, folder];
    });
    const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', RUNNER, ...modules], {
      encoding: 'utf8',
    });
    assert.is(status, 0, stderr);
  }),
);

test('the main functions and the model have an example', () => {
  const documented = new Set(examples.map(({ name }) => name));
  for (const name of [
    'Model',
    'METRICS_CHANNEL',
    'casesFor',
    'collectOpenTelemetry',
    'collectPrometheus',
    'conformance',
    'detectLayout',
    'exportState',
    'importState',
    'isLanestoreError',
    'migrateStore',
    'openAvail',
    'openLevel',
    'openNoop',
    'openView',
    'openWal',
    'preflight',
    'readWal',
    'ready',
    'snapshot',
    'verify',
  ])
    assert.ok(documented.has(name), name);
  const marks = sources.flatMap((name) =>
    name.endsWith('.ts') ? [...readFileSync(join(packageRoot, 'src', name), 'utf8').matchAll(/@example/g)] : [],
  );
  assert.is(examples.length, marks.length, 'none was overlooked');
});

test.run();
