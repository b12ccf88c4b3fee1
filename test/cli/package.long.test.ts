/**
 * The tarball of `npm pack`: `npx lanestore` works once it is installed into an empty folder, and
 * its types resolve.
 */
import { cpSync, existsSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { entriesIn, loadExpected, packageRoot } from '../support/fixtures.js';
import { checkInstalled, install, npm, type Packed, pack } from '../support/package.js';

const test = suite('cli: the installed package');

let dir: string;
let packed: Packed;

// The tarball that would be published; dist has already been built.
test.before(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), 'lanestore-test-')));
  packed = pack(dir);
});
test.after(() => rmSync(dir, { recursive: true, force: true }));

test('installed into an empty folder: npx, the program of README.md, every subpath', () => {
  const folder = join(dir, 'empty');
  install(folder, packed);
  const lanestore = (...args: string[]) => npm(folder, 'npx', '--no-install', 'lanestore', ...args);
  const help = lanestore('help');
  assert.is(help.status, 0, help.stderr);
  assert.match(help.stdout, /^usage: lanestore COMMAND/);
  cpSync(join(packageRoot, 'test/fixtures/wal/state'), join(dir, 'state'), { recursive: true });
  const imported = lanestore('import', join(dir, 'state'), join(dir, 'store'));
  assert.is(imported.status, 0, imported.stderr);
  const manifest = lanestore('manifest', join(dir, 'store'));
  assert.equal(entriesIn(manifest.stdout), loadExpected('wal'));
  // The commands that the demo suggests work here, where there is no checkout.
  const demo = lanestore('demo', '--pace-ms', '20');
  assert.is(demo.status, 0, demo.stderr);
  const [, tips = ''] = demo.stdout.split('Try:');
  assert.match(tips, /^ {2}npx lanestore verify lanestore-demo\/1$/m);
  assert.not.match(tips, /dist\//);
  const [page = ''] = /\S+inspecting\.md/.exec(tips) ?? [];
  assert.ok(existsSync(join(folder, page)), tips);
  const next = lanestore('verify', 'lanestore-demo/1');
  assert.is(next.status, 0, next.stderr);
  checkInstalled(folder, process.execPath);
});

// Node 10's resolution knows no subpaths, and CommonJS can import the package with `import()` only:
// it is an ES module.
test('its types resolve for Node.js and bundlers, at every subpath', () => {
  const attw = join(packageRoot, 'node_modules/@arethetypeswrong/cli/dist/index.js');
  const { status, stdout, stderr } = npm(
    dir,
    process.execPath,
    attw,
    packed.tarball,
    '--profile',
    'esm-only',
    '--no-color',
  );
  assert.is(status, 0, stdout + stderr);
});

test.run();
