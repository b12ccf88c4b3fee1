/**
 * The package as npm makes it, and as it is installed into an empty folder. Without the network:
 * the dependencies come from npm's cache, or, if they are not there, from this checkout.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { packageRoot } from './fixtures.js';

/** Time limit: longer means that a command waits for an absent network. */
const NPM_MS_MAX = 60_000;

/** Runs a command as npm would, in `cwd`. */
export function npm(cwd: string, command: string, ...args: string[]) {
  const env = { ...process.env, npm_config_update_notifier: 'false', NODE_ENV: '' };
  return spawnSync(command, args, { cwd, encoding: 'utf8', timeout: NPM_MS_MAX, env, maxBuffer: 2 ** 26 });
}

/**
 * The tarball that would be published, and the folder in which it is unpacked; dist has already
 * been built.
 */
export interface Packed {
  readonly tarball: string;
  readonly unpacked: string;
}

/** Packs into `dir`. */
export function pack(dir: string): Packed {
  const packed = npm(packageRoot, 'npm', 'pack', '--ignore-scripts', '--json', '--pack-destination', dir);
  assert.is(packed.status, 0, packed.stderr);
  const tarball = join(dir, JSON.parse(packed.stdout)[0].filename);
  const untarred = npm(dir, 'tar', '-xzf', tarball);
  assert.is(untarred.status, 0, untarred.stderr);
  return { tarball, unpacked: join(dir, 'package') };
}

/** Makes `folder`, a project whose only dependency is the package. */
export function install(folder: string, packed: Packed): void {
  mkdirSync(folder);
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'empty', private: true }));
  const installed = npm(folder, 'npm', 'install', '--offline', '--no-audit', '--no-fund', packed.tarball);
  if (installed.status !== 0) installByHand(folder, packed);
}

/** The same layout as npm's: the package from the tarball, next to its possible dependencies. */
function installByHand(folder: string, { unpacked }: Packed): void {
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '.bin'), { recursive: true });
  cpSync(unpacked, join(modules, 'lanestore'), { recursive: true });
  for (const name of readdirSync(join(packageRoot, 'node_modules'))) {
    if (!name.startsWith('.')) symlinkSync(join(packageRoot, 'node_modules', name), join(modules, name));
  }
  symlinkSync('../lanestore/dist/cli/main.js', join(modules, '.bin', 'lanestore'));
}

/**
 * Runs, with the Node.js at `node`, in a folder of {@link install}: the program of README.md, twice
 * on one store, an import of every subpath, and the command line.
 */
export function checkInstalled(folder: string, node: string): void {
  const readme = readFileSync(join(folder, 'node_modules/lanestore/README.md'), 'utf8');
  const [, program = ''] = /^```ts\n(.*?)^```$/ms.exec(readme) ?? [];
  assert.ok(program.includes('openLevel('), 'the program was found');
  writeFileSync(join(folder, 'readme.mjs'), program);
  for (const [block, args] of [['state', '--create'], ['state']].entries()) {
    const { status, stdout, stderr } = npm(folder, node, 'readme.mjs', ...args);
    assert.equal([stdout, status], [`block ${block} is durable: vote for it\n`, 0], stderr);
  }

  const { exports } = JSON.parse(readFileSync(join(folder, 'node_modules/lanestore/package.json'), 'utf8')) as {
    exports: object;
  };
  // The optional peer of `lanestore/prometheus`, which npm does not install.
  const peer = join(folder, 'node_modules', 'prom-client');
  if (!existsSync(peer)) symlinkSync(join(packageRoot, 'node_modules', 'prom-client'), peer);
  const subpaths = Object.keys(exports).filter((subpath) => subpath !== './package.json');
  const names = subpaths.map((subpath) => join('lanestore', subpath));
  const script = `for (const name of ${JSON.stringify(names)}) console.log(Object.keys(await import(name)).length > 0)`;
  const imports = npm(folder, node, '--input-type=module', '-e', script);
  // `lanestore/model` has types only.
  const expected = names.map((name) => name !== 'lanestore/model');
  assert.is(imports.stdout, `${expected.join('\n')}\n`, imports.stderr);

  const main = 'node_modules/lanestore/dist/cli/main.js';
  for (const args of [['help'], ['verify', 'state'], ['demo', '--pace-ms', '0']]) {
    const { status, stdout, stderr } = npm(folder, node, main, ...args);
    assert.is(status, 0, `${args[0]}: ${stdout}${stderr}`);
  }
}
