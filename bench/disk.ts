/** The scratch directory of a benchmark, and the sizes of trees. */
import {
  closeSync,
  cpSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statfsSync,
} from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../test/support/fixtures.js';

const TMPFS_MAGIC = 0x01021994;
const RAMFS_MAGIC = 0x858458f6;

/**
 * The directory for scratch data: `dir`, or `bench/.data`. Creates it if absent. Warns if it is not
 * on a disk.
 */
export function scratchRoot(dir = join(packageRoot, 'bench', '.data')): string {
  mkdirSync(dir, { recursive: true });
  const real = realpathSync(dir);
  if (isInMemory(real)) {
    process.stderr.write(
      `warning: ${real} is a file system in memory: syncs cost nothing there, so the results are meaningless\n`,
    );
  }
  return real;
}

/** True for a file system without a disk. */
export function isInMemory(dir: string): boolean {
  const { type } = statfsSync(dir);
  return type === TMPFS_MAGIC || type === RAMFS_MAGIC;
}

/** Size of a tree: the sizes of its files, and the disk space that they use. */
export interface TreeSize {
  readonly bytes: number;
  readonly diskBytes: number;
  readonly files: number;
}

/** Adds up the files of a tree. Omits files deleted during the call. */
export function treeSize(dir: string): TreeSize {
  let bytes = 0;
  let diskBytes = 0;
  let files = 0;
  for (const name of readdirSync(dir, { recursive: true }) as string[]) {
    const stat = lstatSync(join(dir, name), { throwIfNoEntry: false });
    if (stat === undefined || !stat.isFile()) continue;
    bytes += stat.size;
    diskBytes += stat.blocks * 512;
    files++;
  }
  return { bytes, diskBytes, files };
}

/**
 * Copies a tree, and writes the copy to the disk. Otherwise the first fsync after it would also
 * write the copy: on ext4, 140 ms for 80 MiB.
 */
export function copyOnDisk(dir: string, copy: string): void {
  cpSync(dir, copy, { recursive: true });
  for (const name of ['', ...(readdirSync(copy, { recursive: true }) as string[])]) {
    const fd = openSync(join(copy, name), 'r');
    fsyncSync(fd);
    closeSync(fd);
  }
}

/** The mount that holds a path. */
export interface Mount {
  readonly fileSystem: string;
  readonly device: string;
  readonly mountPoint: string;
  readonly options: string;
}

/** Finds the mount of `dir` in /proc; undefined if there is no /proc. */
export function mountOf(dir: string): Mount | undefined {
  let text: string;
  try {
    text = readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return undefined;
  }
  let best: Mount | undefined;
  for (const line of text.split('\n')) {
    const [left, right] = line.split(' - ');
    const mountPoint = left?.split(' ')[4];
    if (mountPoint === undefined || right === undefined) continue;
    if (dir !== mountPoint && !dir.startsWith(mountPoint === '/' ? '/' : `${mountPoint}/`)) continue;
    if (best !== undefined && best.mountPoint.length > mountPoint.length) continue;
    const [fileSystem = '', device = ''] = right.split(' ');
    best = { fileSystem, device, mountPoint, options: left?.split(' ')[5] ?? '' };
  }
  return best;
}
