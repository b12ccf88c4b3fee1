/**
 * Faults between a process and its C library: shim.c, built where a compiler is available. The
 * comment in shim.c lists its faults.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { packageRoot } from '../support/fixtures.js';

const SOURCE = join(packageRoot, 'test', 'faults', 'shim.c');

/** Why this machine has no shim; undefined if it has one. */
export function shimUnable(): string | undefined {
  if (process.platform !== 'linux') return 'LD_PRELOAD is of Linux';
  const { error, status } = spawnSync('cc', ['--version'], { stdio: 'ignore' });
  return error !== undefined || status !== 0 ? 'no C compiler (cc) to build the shim with' : undefined;
}

/** Builds the shim in `dir`. */
export function buildShim(dir: string): string {
  const library = join(dir, 'shim.so');
  const { status, stderr } = spawnSync('cc', ['-O2', '-shared', '-fPIC', '-o', library, SOURCE, '-ldl'], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`the shim does not build: ${stderr}`);
  return library;
}

/** The environment of a process that gets `fault`, below `dir` only. */
export function faultEnv(library: string, dir: string, fault: string): NodeJS.ProcessEnv {
  return { LD_PRELOAD: library, LANESTORE_FAULT: fault, LANESTORE_FAULT_DIR: dir };
}
