/**
 * Other versions of Node.js, from npm's registry, cached in node_modules/.cache: a checkout
 * downloads each once.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../support/fixtures.js';

/** Pinned, so that test results are reproducible. */
const VERSIONS = ['22.23.3', '24.21.0'] as const;
const CACHE = join(packageRoot, 'node_modules', '.cache', 'lanestore-nodes');
const NPM_MS_MAX = 300_000;

/** An executable and its version. */
export interface NodeVersion {
  readonly version: string;
  readonly path: string;
  /** Options of Node.js that enable the permission model. */
  readonly permission: string;
}

/** This Node.js. */
export const thisNode: NodeVersion = {
  version: process.versions.node,
  path: process.execPath,
  permission: Number.parseInt(process.versions.node, 10) < 22 ? '--experimental-permission' : '--permission',
};

/**
 * The other versions that can be downloaded. A version that cannot is left out, with a line that
 * names the reason; under CI=true that is an error, because CI must skip nothing.
 */
export function otherNodes(): NodeVersion[] {
  return VERSIONS.flatMap((version) => {
    const path = join(CACHE, version);
    try {
      if (!existsSync(path)) download(version, path);
      return [{ version, path, permission: '--permission' }];
    } catch (error) {
      if (process.env.CI === 'true') throw error;
      process.stdout.write(`\n  skipped: Node.js ${version} cannot be downloaded: ${(error as Error).message}\n`);
      return [];
    }
  });
}

/**
 * The npm package contains the executable. Concurrent tests may download it too, so each uses a
 * separate directory.
 */
function download(version: string, path: string): void {
  mkdirSync(CACHE, { recursive: true });
  const folder = mkdtempSync(join(CACHE, 'download-'));
  try {
    writeFileSync(join(folder, 'package.json'), '{ "private": true }');
    const name = `node-${process.platform}-${process.arch}`;
    const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', `${name}@${version}`];
    const { status, stderr, error } = spawnSync('npm', args, { cwd: folder, encoding: 'utf8', timeout: NPM_MS_MAX });
    if (status !== 0) throw new Error(error?.message ?? stderr.trim().split('\n').slice(0, 3).join('; '));
    renameSync(join(folder, 'node_modules', name, 'bin', 'node'), path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
