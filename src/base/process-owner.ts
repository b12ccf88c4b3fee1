/**
 * A name for a process, to be put into names of files, so that what a dead process left can be told
 * from what a living one uses:
 *
 *      <pid>-<start of the process>-<machine and pid namespace>
 *
 * The start time keeps a reused pid from passing for its owner; a process of another machine or
 * container cannot be looked up.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

const OWNER = /^(\d+)-(\d+)-([0-9a-f]{8})$/;

/** The name of this process; the same in all of its threads. */
export function processOwner(): string {
  return `${process.pid}-${startOf(process.pid) ?? 0}-${machine()}`;
}

/** False for a name, or one that ends in a name, of a system that does not say when a process began. */
export function hasStart(owner: string): boolean {
  return !/-0-[0-9a-f]{8}$/.test(owner);
}

/** True only when it is certain that the process with this name has ended. */
export function isDeadOwner(owner: string): boolean {
  const [, pid, start, where] = OWNER.exec(owner) ?? [];
  if (pid === undefined || where !== machine()) return false;
  const running = startOf(Number(pid));
  if (running !== undefined) return running !== Number(start);
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/**
 * When a process began, in ticks since boot: field 22 of its stat line; the name before may hold
 * spaces and brackets.
 */
function startOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return undefined;
  }
}

let machineId: string | undefined;

/**
 * Names the space in which pids mean something: this boot of this machine, and the pid namespace.
 */
function machine(): string {
  machineId ??= createHash('sha256')
    .update(`${hostname()} ${read(() => readFileSync('/proc/sys/kernel/random/boot_id', 'latin1'))}`)
    .update(read(() => readlinkSync('/proc/self/ns/pid')))
    .digest('hex')
    .slice(0, 8);
  return machineId;
}

function read(source: () => string): string {
  try {
    return source();
  } catch {
    return '';
  }
}
