/**
 * Where a private copy of a store stands: a directory of its own beside the location, so that tables can be hard links, with a name
 * that tells what it is and who made it:
 *
 *      <name of the location>.copy-<pid>-<start of the process>-<machine and pid namespace>-<random>
 *
 * A copy whose process is gone is nobody's, and is removed when the next one is made. The start time keeps a reused pid from passing
 * for its owner; a process of another machine or container cannot be looked up, so its copies stay.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { readdir, realpath, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { addLeftover, removeAllLeftovers } from '../../../base/leftovers.js';
import { LanestoreError } from '../../../errors.js';

/** A directory for one copy. */
export interface CopyPlace {
  readonly path: string;
  remove(): Promise<void>;
  /** The same before it returns. */
  removeNow(): void;
}

/** Tries to remove a directory in which a process, or a call of this one, makes another file meanwhile. */
const REMOVE_TRIES = 20;
const REMOVE_RETRY_MS = 10;

/** What keeps a directory from being made in one place, so that another one is tried. */
const UNUSABLE = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'ENOENT']);

/**
 * Makes a place for a copy of `location`, a real path: in `directory` if given, else beside the location, else in the system's directory for
 * temporary files. Removes what dead processes left there.
 * @throws LANESTORE_IO where no directory can be made.
 */
export async function makeCopyPlace(location: string, directory: string | undefined): Promise<CopyPlace> {
  const candidates = directory === undefined ? [dirname(location), tmpdir()] : [directory];
  let cause: unknown;
  for (const parent of candidates) {
    try {
      return await makeIn(await realpath(parent), location);
    } catch (error) {
      if (!UNUSABLE.has((error as NodeJS.ErrnoException).code ?? '')) throw ioError(parent, error);
      cause ??= error;
    }
  }
  throw ioError(candidates.join(' or '), cause);
}

async function makeIn(parent: string, location: string): Promise<CopyPlace> {
  refuseInside(parent, location);
  return makeBeside(join(parent, basename(location) || 'root'));
}

/** @throws LANESTORE_INVALID for a place in the location itself: nothing is ever made there. */
export function refuseInside(parent: string, location: string): void {
  if (parent !== location && !parent.startsWith(`${location}/`)) return;
  throw new LanestoreError('LANESTORE_INVALID', `a copy of ${location} must not stand inside of it: ${parent}`);
}

/** Makes a place beside `path`, called after it, and removes what dead processes left there. @throws what the file system throws. */
export async function makeBeside(path: string): Promise<CopyPlace> {
  await removeDeadCopies(dirname(path), `${basename(path)}.copy-`);
  const made = `${path}.copy-${owner()}-${randomBytes(4).toString('hex')}`;
  const options = { recursive: true, force: true, maxRetries: REMOVE_TRIES, retryDelay: REMOVE_RETRY_MS } as const;
  const removeNow = () => rmSync(made, options);
  // Made and registered in one step: no signal comes between.
  mkdirSync(made, { mode: 0o700 });
  const forget = addLeftover(removeNow);
  return {
    path: made,
    remove: () => rm(made, options).then(forget),
    removeNow: () => {
      removeNow();
      forget();
    },
  };
}

/**
 * Removes, before it returns, every private copy, and every target under construction, that this process has made and
 * not yet removed, and ends the processes that read them. For a program that is told to end (SIGINT, SIGTERM) and
 * exits right after: views and migrations in progress fail.
 */
export function removePrivateCopies(): void {
  removeAllLeftovers();
}

/** What cannot be removed stays, without a word: it harms nothing. */
async function removeDeadCopies(parent: string, prefix: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!name.startsWith(prefix) || !isOrphan(name.slice(prefix.length))) continue;
    await rm(join(parent, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

function ioError(where: string, cause: unknown): unknown {
  if (cause instanceof LanestoreError) return cause;
  const reason = (cause as Error).message;
  return new LanestoreError('LANESTORE_IO', `no copy can be made in ${where}: ${reason}; give another directory`, {
    cause,
  });
}

const OWNER = /^(\d+)-(\d+)-([0-9a-f]{8})-[0-9a-f]{8}$/;

function owner(): string {
  return `${process.pid}-${startOf(process.pid) ?? 0}-${machine()}`;
}

/** True only when it is certain that the process which made it has ended. */
function isOrphan(suffix: string): boolean {
  const [, pid, start, where] = OWNER.exec(suffix) ?? [];
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

/** When a process began, in ticks since boot: field 22 of its stat line; the name before may hold spaces and brackets. */
function startOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
  } catch {
    return undefined;
  }
}

let machineId: string | undefined;

/** Names the space in which pids mean something: this boot of this machine, and the pid namespace. */
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
