/**
 * Bundles by esbuild: everything works in them, except that a part which a bundle cannot contain
 * gives an error with a code when it is needed.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BuildOptions, build, type Format, type Plugin } from 'esbuild';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { entriesIn, fixture, loadExpected, packageRoot } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';
import { outcomes, SCENARIO, STEPS } from './outcomes.js';

const test = suite('environments: bundles');

const READER_CHILD = join(packageRoot, 'dist', 'adapter', 'level', 'view', 'reader-child.js');

/** The library as it is shipped. A joined module contains its own path. */
const SHIPPED: Plugin = {
  name: 'shipped',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^\.\.\/\.\.\/src\// }, ({ path }) => ({
      path: join(packageRoot, 'dist', path.slice('../../src/'.length)),
    })),
};

/** Bundles the entries into `out`, as in docs/embedding.md, next to an installed classic-level. */
async function bundle(out: string, entryPoints: Record<string, string>, options: BuildOptions = {}): Promise<void> {
  const { format = 'esm' } = options;
  const bundled = await build({
    entryPoints,
    bundle: true,
    platform: 'node',
    external: ['classic-level'],
    plugins: [SHIPPED],
    format,
    outdir: out,
    logLevel: 'silent',
    ...options,
  });
  assert.equal(bundled.errors, []);
  writeFileSync(join(out, 'package.json'), JSON.stringify({ type: format === 'esm' ? 'module' : 'commonjs' }));
  mkdirSync(join(out, 'node_modules'));
  symlinkSync(join(packageRoot, 'node_modules', 'classic-level'), join(out, 'node_modules', 'classic-level'));
}

function run(script: string, ...args: string[]) {
  return spawnSync(process.execPath, [script, ...args], { encoding: 'utf8' });
}

const scenario = (out: string, directory: string, ...steps: string[]) =>
  outcomes(run(join(out, 'main.js'), directory, ...steps));

const KINDS: readonly [name: string, format: Format, minify: boolean][] = [
  ['ESM', 'esm', false],
  ['CommonJS', 'cjs', false],
  ['ESM, minified', 'esm', true],
  ['CommonJS, minified', 'cjs', true],
];

for (const [name, format, minify] of KINDS) {
  test(
    `${name}: a node's use of its stores; without reader-child.js only verify is refused, and names the missing file`,
    inTemp(async (dir) => {
      const [out, aside] = [join(dir, 'out'), join(dir, 'reader-child.js')];
      await bundle(out, { main: SCENARIO, 'reader-child': READER_CHILD }, { format, minify });
      renameSync(join(out, 'reader-child.js'), aside);
      const said = scenario(out, dir, ...STEPS);
      const refused = said.filter(({ code }) => code !== undefined);
      assert.equal(
        said.map(({ step }) => step),
        [...STEPS],
      );
      assert.equal(
        refused.map(({ step, code }) => [step, code]),
        [['verify', 'LANESTORE_IO']],
      );
      assert.match(refused[0]?.message ?? '', /out\/reader-child\.js is missing/);
      assert.match(refused[0]?.remedy ?? '', /docs\/embedding\.md/);
      renameSync(aside, join(out, 'reader-child.js'));
      assert.equal(scenario(out, dir, 'verify'), [{ step: 'verify' }]);
    }),
  );

  test(
    `${name}: without classic-level, or with it bundled, calls that need LevelDB name the cause, and the rest works`,
    inTemp(async (dir) => {
      const [missing, inside] = [join(dir, 'missing'), join(dir, 'inside')];
      await bundle(missing, { main: SCENARIO }, { format, minify });
      rmSync(join(missing, 'node_modules'), { recursive: true });
      await bundle(inside, { main: SCENARIO }, { format, minify, external: [] });
      for (const out of [missing, inside]) {
        const said = scenario(out, out, 'none', 'level', 'wal');
        assert.equal(
          said.map(({ step, code }) => [step, code]),
          [
            ['none', undefined],
            ['level', 'LANESTORE_IO'],
            ['wal', 'LANESTORE_IO'],
          ],
        );
        for (const { message, remedy } of said.slice(1)) {
          assert.match(message ?? '', /^LevelDB \(classic-level\) cannot be loaded: /);
          assert.match(remedy ?? '', /external/);
        }
      }
    }),
  );
}

test(
  'the command line as a bundle: files of the package are read only when they are needed',
  inTemp(async (dir) => {
    const out = join(dir, 'out');
    await bundle(out, {
      lanestore: join(packageRoot, 'dist', 'cli', 'main.js'),
      'reader-child': READER_CHILD,
    });
    const command = (...args: string[]) => run(join(out, 'lanestore.js'), ...args);
    const location = join(dir, 'store');
    for (const args of [
      ['import', fixture('wal', 'state'), location],
      ['verify', location],
      ['inspect', location],
    ]) {
      const { status, stderr } = command(...args);
      assert.is(status, 0, `${args[0]}: ${stderr}`);
    }
    assert.equal(entriesIn(command('manifest', location).stdout), loadExpected('wal'));
    const demo = spawnSync(process.execPath, [join(out, 'lanestore.js'), 'demo', fixture('wal', 'rounds.jsonl')], {
      cwd: dir,
      encoding: 'utf8',
    });
    assert.is(demo.status, 0, demo.stderr);
    for (const [args, file] of [
      [['version'], 'package.json'],
      [['demo'], 'rounds.jsonl'],
    ] as const) {
      const { status, stderr } = command(...args);
      assert.is(status, 3, stderr);
      assert.match(stderr, new RegExp(`^LANESTORE_IO: \\S+${file} is missing: a bundle`));
    }
  }),
);

test.run();
