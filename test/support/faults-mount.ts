/**
 * Temporary file systems of a test, to be full, read-only or mounted twice; only where the test may
 * mount.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why mounting is impossible here; undefined if it is possible. */
export function mountUnable(): string | undefined {
  const dir = mkdtempSync(join(tmpdir(), 'lanestore-mount-'));
  try {
    const { error, status, stderr } = spawnSync('mount', ['-t', 'tmpfs', 'lanestore-test', dir], { encoding: 'utf8' });
    if (status !== 0) return `no mount here: ${error?.message ?? stderr.trim().split('\n')[0]}`;
    spawnSync('umount', [dir]);
    return undefined;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * Makes and mounts `dir`, and unmounts it at the end. Where mounting is not allowed, prints a line
 * and does nothing.
 */
export async function mounted(
  what: string,
  dir: string,
  args: readonly string[],
  use: (remount: (options: string) => void) => Promise<void>,
): Promise<void> {
  mkdirSync(dir, { recursive: true });
  const result = spawnSync('mount', [...args, dir], { encoding: 'utf8' });
  if (result.status !== 0) {
    const why = result.error?.message ?? result.stderr.trim().split('\n')[0];
    process.stdout.write(`\n  skipped: ${what} (no mount here: ${why})\n`);
    return;
  }
  try {
    await use((options) => {
      const again = spawnSync('mount', ['-o', `remount,${options}`, dir], { encoding: 'utf8' });
      if (again.status !== 0) throw new Error(`remount: ${again.stderr}`);
    });
  } finally {
    // A lazy unmount, in case a file is still open: the directory must be removable.
    if (spawnSync('umount', [dir]).status !== 0) spawnSync('umount', ['-l', dir]);
  }
}

/** A small file system in memory. */
export function withTmpfs(
  what: string,
  dir: string,
  size: string,
  use: (remount: (options: string) => void) => Promise<void>,
): Promise<void> {
  return mounted(what, dir, ['-t', 'tmpfs', '-o', `size=${size}`, 'lanestore-test'], use);
}

/** `source` at a second path. */
export function withBind(what: string, source: string, dir: string, use: () => Promise<void>): Promise<void> {
  return mounted(what, dir, ['--bind', source], use);
}
