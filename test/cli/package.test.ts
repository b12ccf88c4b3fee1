/**
 * What `npm pack` makes, installed into an empty folder, works from `npx lanestore`. Without the network: the dependencies come from npm's
 * cache, or, where that has not got them, from this checkout.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadExpected, packageRoot } from '../support/fixtures.js';
import { inTemp } from '../support/temp.js';

const test = suite('cli: the package');
/** Beyond that, something waits for a network that is not there. */
const NPM_MS_MAX = 60_000;

function npm(cwd: string, command: string, ...args: string[]) {
  const env = { ...process.env, npm_config_update_notifier: 'false', NODE_ENV: '' };
  return spawnSync(command, args, { cwd, encoding: 'utf8', timeout: NPM_MS_MAX, env, maxBuffer: 2 ** 26 });
}

/** The tarball that would be published; dist is built already. */
function pack(dir: string): string {
  const packed = npm(packageRoot, 'npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', dir);
  assert.is(packed.status, 0, packed.stderr);
  return join(dir, JSON.parse(packed.stdout)[0].filename);
}

function install(folder: string, tarball: string): void {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', private: true }));
  const installed = npm(folder, 'npm', 'install', '--offline', '--no-audit', '--no-fund', tarball);
  if (installed.status !== 0) installByHand(folder, tarball);
}

/** The same layout as npm's: the package from the tarball, beside it everything that it may ask for. */
function installByHand(folder: string, tarball: string): void {
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '.bin'), { recursive: true });
  const unpacked = npm(folder, 'tar', '-xzf', tarball);
  assert.is(unpacked.status, 0, unpacked.stderr);
  cpSync(join(folder, 'package'), join(modules, 'lanestore'), { recursive: true });
  for (const name of readdirSync(join(packageRoot, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(join(packageRoot, 'node_modules', name), join(modules, name));
  }
  symlinkSync('../lanestore/dist/cli/main.js', join(modules, '.bin', 'lanestore'));
}

test(
  'packed, installed into an empty folder, run with npx',
  inTemp((dir) => {
    const tarball = pack(dir);
    const folder = join(dir, 'empty');
    install(folder, tarball);
    const lanestore = (...args: string[]) => npm(folder, 'npx', '--no-install', 'lanestore', ...args);
    const help = lanestore('help');
    assert.is(help.status, 0, help.stderr);
    assert.match(help.stdout, /^usage: lanestore COMMAND/);
    cpSync(join(packageRoot, 'test/fixtures/wal/state'), join(dir, 'state'), { recursive: true });
    const imported = lanestore('import', join(dir, 'state'), join(dir, 'store'));
    assert.is(imported.status, 0, imported.stderr);
    const manifest = lanestore('manifest', join(dir, 'store'));
    assert.equal(JSON.parse(manifest.stdout), loadExpected('wal'));
    // What the demo says to try next can be typed here, where there is no checkout.
    const demo = lanestore('demo', '--pace-ms', '20');
    assert.is(demo.status, 0, demo.stderr);
    const [, tips = ''] = demo.stdout.split('Try:');
    assert.match(tips, /^ {2}npx lanestore verify lanestore-demo\/1$/m);
    assert.not.match(tips, /dist\//);
    const [page = ''] = /\S+inspecting\.md/.exec(tips) ?? [];
    assert.ok(existsSync(join(folder, page)), tips);
    const next = lanestore('verify', 'lanestore-demo/1');
    assert.is(next.status, 0, next.stderr);
    // As a library, by its subpaths, and without what only tests need.
    const script =
      "import('lanestore/migrations').then((m) => console.log(typeof m.importState, typeof m.detectLayout))";
    const imports = npm(folder, process.execPath, '-e', script);
    assert.is(imports.stdout, 'function function\n', imports.stderr);
    const version = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')).version;
    assert.ok(tarball.endsWith(`lanestore-${version}.tgz`));
    const files = npm(dir, 'tar', '-tzf', tarball).stdout.split('\n');
    assert.ok(files.includes('package/docs/format.md'));
    assert.not.ok(files.some((file) => file.startsWith('package/src/') || file.startsWith('package/node_modules/')));
  }),
);

test.run();
