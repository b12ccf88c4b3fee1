/**
 * A program that imports the library loads nothing that only the command line needs, and a command
 * loads nothing that only other commands need.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LAYOUTS } from '../../src/cli/verbs/shared.js';
import { ORIGINAL_LAYOUTS } from '../../src/migrations/index.js';
import { run, SHIPPED_MAIN } from '../support/cli.js';
import { packageRoot } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: embedded');
/** Upper bound of modules that a command loads which does no work. */
const MODULES_MAX = 30;
const CLI_ONLY = /\/dist\/cli\/|\/node_modules\/@bomb\.sh\//;

/** URLs of all modules that an import of `target` loads in a process with these arguments. */
function loadedBy(dir: string, target: string, args: readonly string[] = ['complete', '--', 'ver']): string[] {
  const [hooks, program] = [join(dir, 'hooks.mjs'), join(dir, 'program.mjs')];
  writeFileSync(
    hooks,
    "import { writeSync } from 'node:fs';\n" +
      'export async function load(url, context, next) { writeSync(1, url + String.fromCharCode(10)); return next(url, context); }\n',
  );
  writeFileSync(
    program,
    "import { register } from 'node:module';\nregister('./hooks.mjs', import.meta.url);\n" +
      `await import(${JSON.stringify(pathToFileURL(target).href)});\n`,
  );
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
  assert.is(status, 0, stderr);
  return stdout.split('\n').filter((line) => line.startsWith('file:'));
}

test(
  'the root and every subpath load no module of the command line and no dependency of it',
  inTemp((dir) => {
    const { exports } = JSON.parse(readPackage());
    const targets = Object.values(exports as Record<string, string | { default: string }>).flatMap((target) =>
      typeof target === 'string' ? [] : [join(packageRoot, target.default)],
    );
    const all = join(dir, 'all.mjs');
    writeFileSync(all, targets.map((target) => `import ${JSON.stringify(pathToFileURL(target).href)};\n`).join(''));
    const loaded = loadedBy(dir, all);
    assert.ok(loaded.some((url) => url.endsWith('/dist/index.js')));
    assert.equal(
      loaded.filter((url) => CLI_ONLY.test(url)),
      [],
    );
    // The same measurement sees them where they are loaded.
    assert.ok(loadedBy(dir, SHIPPED_MAIN).some((url) => url.includes('/@bomb.sh/')));
  }),
);

test(
  'help, version and completion load no code of a verb; a verb loads only the version of the protocol that it reads',
  inTemp((dir) => {
    for (const args of [['help'], ['version'], ['verify', '--help'], ['complete', '--', 'ver']]) {
      const loaded = loadedBy(dir, SHIPPED_MAIN, args).filter((url) => url.includes('/dist/'));
      const library = loaded.filter((url) => !/\/dist\/(?:cli\/|errors\.js$)|\/node_modules\//.test(url));
      assert.equal(library, [], args.join(' '));
      assert.ok(loaded.length > 5 && loaded.length <= MODULES_MAX, `${args.join(' ')}: ${loaded.length} modules`);
    }
    const store = join(dir, 'store');
    const imported = run('import', join(packageRoot, 'test/fixtures/wal/state'), store);
    assert.is(imported.status, 0, imported.stderr);
    const [older, newer] = ['/model/autobahn/11419398f/autobahn_pb.js', '/model/autobahn/73f917bbd/autobahn_pb.js'];
    const listed = loadedBy(dir, SHIPPED_MAIN, ['ls', store]);
    assert.ok(listed.some((url) => url.endsWith(older)));
    assert.not.ok(listed.some((url) => url.endsWith(newer)));
    // A probe decodes no entry.
    const probed = loadedBy(dir, SHIPPED_MAIN, ['health', store]);
    assert.ok(probed.some((url) => url.includes('/preflight/')));
    assert.not.ok(probed.some((url) => /autobahn_pb|@bufbuild|@noble/.test(url)));
  }),
);

test('the layouts in the help of export are those of the library', () => {
  assert.equal(LAYOUTS, ORIGINAL_LAYOUTS);
});

function readPackage(): string {
  return readFileSync(join(packageRoot, 'package.json'), 'utf8');
}

test.run();
