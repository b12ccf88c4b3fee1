/**
 * Detects a process that uses a directory. The original has no lock, so there are two signs: a
 * process that has a file in it open for writing (shown by Linux in /proc), and files that have
 * changed since the reading began.
 */
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { LanestoreError } from '../errors.js';
import { importError } from './layout.js';

/**
 * Refuses a source that a process writes to, including this one. A process that only reads it, such
 * as a backup or another import, is no reason.
 * @throws LANESTORE_LOCKED.
 */
export function refuseLive(location: string): void {
  const pid = writerOf(location);
  if (pid === undefined) return;
  const owner = pid === process.pid ? 'this process' : `process ${pid}`;
  throw new LanestoreError('LANESTORE_LOCKED', `${location} is in use by ${owner}; stop the node, then try again`);
}

/** True if a process writes to `location`, this one included, as far as it may be seen. */
export function isInUse(location: string): boolean {
  return writerOf(location) !== undefined;
}

/** A process that has a file in `location` open for writing, as far as this process may see it. */
function writerOf(location: string): number | undefined {
  for (const pid of namesOf('/proc')) {
    if (!/^[0-9]+$/.test(pid)) continue;
    for (const fd of namesOf(`/proc/${pid}/fd`)) {
      if (linkOf(`/proc/${pid}/fd/${fd}`)?.startsWith(`${location}/`) && mayWrite(pid, fd)) return Number(pid);
    }
  }
  return undefined;
}

/** The access mode is in the last two bits of the flags, which are octal: 0 is reading only. */
function mayWrite(pid: string, fd: string): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1'))?.[1];
    return flags === undefined || (Number.parseInt(flags, 8) & 3) !== 0;
  } catch (error) {
    // Closed meanwhile, if there is no such descriptor any more.
    return (error as NodeJS.ErrnoException).code !== 'ENOENT';
  }
}

function namesOf(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** The state of each file below a directory, by path: inode, size, time of the last change. */
export type TreeState = ReadonlyMap<string, string>;

/** Records the state. Files that disappear meanwhile are left out. */
export function treeState(location: string): TreeState {
  const state = new Map<string, string>();
  const add = (directory: string) => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
      if (stat === undefined) continue;
      if (entry.isDirectory()) add(path);
      else state.set(path, `${stat.ino} ${stat.size} ${stat.mtimeNs}`);
    }
  };
  add(location);
  return state;
}

/** Refuses a source that has changed since `before`. @throws LANESTORE_IMPORT naming a file. */
export function refuseChanged(location: string, before: TreeState): void {
  const now = treeState(location);
  const changed = [...before].find(([path, state]) => now.get(path) !== state)?.[0];
  const added = [...now.keys()].find((path) => !before.has(path));
  const path = changed ?? added;
  if (path === undefined) return;
  throw importError(`${path} changed while it was read; stop the node that runs on ${location}, then try again`);
}
