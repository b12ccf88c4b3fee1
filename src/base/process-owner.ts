/**
 * An identifier of a process for use in file names. It shows whether the process that created a
 * file is still running:
 *
 *      <pid>-<start of the process>-<machine and pid namespace>
 *
 * The start time distinguishes the process from a later one with the same pid. A process on another
 * machine or in another container cannot be checked.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

const OWNER = /^(\d+)-(\d+)-([0-9a-f]{8})$/;

/** The identifier of this process; the same in all of its threads. */
export function processOwner(): string {
  return `${process.pid}-${startOf(process.pid) ?? 0}-${machine()}`;
}

/**
 * False if the identifier at the end of `owner` has no start time, because the system does not
 * provide it.
 */
export function hasStart(owner: string): boolean {
  return !/-0-[0-9a-f]{8}$/.test(owner);
}

/** True if the text has the form of an identifier. */
export function isOwner(text: string): boolean {
  return OWNER.test(text);
}

/** True only if it is certain that this process has ended. */
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
 * The start time of a process, in ticks since boot: field 22 of its stat line. The process's name,
 * an earlier field, may contain spaces and brackets.
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

/** Identifies the scope of a pid: this boot of this machine, and the pid namespace. */
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
