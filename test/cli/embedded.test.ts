/** A program that imports the library loads nothing that only the command line needs. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: embedded');
const CLI_ONLY = /\/dist\/cli\/|\/node_modules\/@bomb\.sh\//;

/** URLs of all modules that an import of `target` loads. */
function loadedBy(dir: string, target: string): string[] {
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
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'complete', '--', 'ver'], {
    encoding: 'utf8',
  });
  assert.is(status, 0, stderr);
  return stdout.split('\n');
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
    assert.ok(loadedBy(dir, join(packageRoot, 'dist/cli/main.js')).some((url) => url.includes('/@bomb.sh/')));
  }),
);

function readPackage(): string {
  return readFileSync(join(packageRoot, 'package.json'), 'utf8');
}

test.run();
