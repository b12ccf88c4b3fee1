/**
 * Exclusion between the threads of one process. Worker threads share no memory that they could find
 * by themselves, and a lock of the kernel on a file (fcntl) belongs to the process, not to a
 * thread. So the kernel is asked for something that it gives out once:
 *
 *   Linux       an abstract unix socket, with the process's id in its name. It is freed when the
 *               thread or the process ends, however it ends, and leaves nothing on a disk. Its name
 *               is seen by the whole network namespace: a name that another process has taken
 *               excludes nobody here, then a file does it. Whoever has one of the two looks for the
 *               other one as well: that process may end.
 *   elsewhere   an empty file in the directory for temporary files, made with O_EXCL, with the
 *               process's id and start time in its name: what a killed process leaves excludes
 *               nobody, and is removed by the next one. Where the start time is not known, the age
 *               of the file tells. A thread that is terminated while it holds
 *               the lock leaves the file until its process ends.
 *
 * Between processes this excludes nothing.
 */
import {
  closeSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  type Stats,
  unlinkSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { hasStart, isDeadOwner, processOwner } from './process-owner.js';

/** Frees the lock. Idempotent. */
export type ReleaseThreadLock = () => void;

/**
 * A name that another process took may be free again at the next look; one that changes hands more
 * often is given up.
 */
const LISTEN_TRIES = 3;
/**
 * Between two looks at the holder of a socket: one that this process closes meanwhile is in no list
 * of descriptors any more, and for a moment still in the list of sockets.
 */
const LOOK_AGAIN_MS = 20;
/** Upper bound of what the clock of files and that of the process differ, and of a small correction of the clock. */
const CLOCK_MS_MAX = 2000;

/**
 * Takes the lock `name` (letters, digits, `-`) for the calling thread; undefined if a thread of
 * this process holds it, the caller's own included. Where the system offers neither a socket nor a
 * file, it is given without being exclusive.
 */
export async function lockThreads(
  name: string,
  sockets = process.platform === 'linux',
): Promise<ReleaseThreadLock | undefined> {
  const prefix = join(tmpdir(), `lanestore-thread-${name}-`);
  if (!sockets) return lockByFile(prefix);
  const socket = `lanestore-${process.pid}-${name}`;
  const server = await listenAlone(socket);
  if (server === 'held') return undefined;
  if (server !== 'unavailable') {
    if (!isLockedByFile(prefix)) return () => void server.close();
    server.close();
    return undefined;
  }
  const unlock = lockByFile(prefix);
  if (unlock === undefined) return undefined;
  // Only now does a thread that gets the socket see the file.
  const late = await listenAlone(socket);
  if (late === 'unavailable') return unlock;
  if (late === 'held') {
    unlock();
    return undefined;
  }
  return () => {
    unlock();
    late.close();
  };
}

async function listenAlone(name: string): Promise<Server | 'held' | 'unavailable'> {
  let holderBefore: string | undefined;
  for (let tries = 0; tries < LISTEN_TRIES; tries++) {
    const server = await listen(name);
    if (typeof server !== 'string') return server;
    if (server !== 'EADDRINUSE') return 'unavailable';
    const holder = holderOf(name);
    if (holder === 'this process' || holder === 'unknown') return 'held';
    if (holder === 'nobody') continue;
    if (holder.socket === holderBefore) return 'unavailable';
    holderBefore = holder.socket;
    await setTimeout(LOOK_AGAIN_MS);
  }
  return 'held';
}

/**
 * Listens on an abstract socket, without keeping the process alive; the code of the error if that
 * fails.
 */
function listen(name: string): Promise<Server | string> {
  return new Promise((resolve) => {
    // Any process of the machine may connect; none has a reason to.
    const server = createServer((socket) => void socket.destroy());
    server.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    try {
      // Exclusive: in a cluster, Node would otherwise share one socket between the workers.
      server.listen({ path: `\0${name}`, exclusive: true }, () => resolve(server.unref()));
    } catch (error) {
      resolve((error as NodeJS.ErrnoException).code ?? 'unknown');
    }
  });
}

/**
 * Whose the abstract socket `name` is: of another process it is the kernel's name of the socket. The
 * kernel lists it with its inode, and a process's descriptors say which inodes it has.
 */
function holderOf(name: string): 'this process' | { readonly socket: string } | 'nobody' | 'unknown' {
  try {
    const lines = readFileSync('/proc/self/net/unix', 'latin1').split('\n');
    // An older libuv fills the name up with zeros, which are shown as `@`.
    const line = lines.find((text) => text.replace(/@+$/, '').endsWith(` @${name}`));
    if (line === undefined) return 'nobody';
    const socket = `socket:[${line.trim().split(/\s+/)[6]}]`;
    const isOurs = readdirSync('/proc/self/fd').some((fd) => linkOf(`/proc/self/fd/${fd}`) === socket);
    return isOurs ? 'this process' : { socket };
  } catch {
    return 'unknown';
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

function lockByFile(prefix: string): ReleaseThreadLock | undefined {
  const path = prefix + processOwner();
  const made = makeAlone(prefix, path);
  if (made === 'held') return undefined;
  if (made === 'unavailable') return () => undefined;
  let held = true;
  return () => {
    if (held) remove(path);
    held = false;
  };
}

function makeAlone(prefix: string, path: string): 'made' | 'held' | 'unavailable' {
  try {
    removeDead(prefix);
    if (!hasStart(basename(path)) && isOfEarlierProcess(path)) remove(path);
    closeSync(openSync(path, 'wx', 0o600));
    return 'made';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return 'unavailable';
    // One that is gone by now was held just now.
    const stat = lstatSync(path, { throwIfNoEntry: false });
    return stat === undefined || isOwn(stat) ? 'held' : 'unavailable';
  }
}

/**
 * True if the file was made before this process began. For names without a start time (no /proc): after a power cut a node that gets the
 * process id of the one before would be refused for good. A clock that is set forward makes a held file look old: then LevelDB alone keeps
 * threads apart, by the name of its LOCK.
 */
export function isOfEarlierProcess(path: string): boolean {
  const startedAt = Date.now() - process.uptime() * 1000;
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat !== undefined && isOwn(stat) && stat.mtimeMs < startedAt - CLOCK_MS_MAX;
}

/** True if a thread of this process holds the lock by a file. */
function isLockedByFile(prefix: string): boolean {
  try {
    const stat = lstatSync(prefix + processOwner(), { throwIfNoEntry: false });
    return stat !== undefined && isOwn(stat);
  } catch {
    // Where this process cannot look for a file, it could not make one either. An error would leave the socket open, and
    // every later open of this process locked out.
    return false;
  }
}

/** A file that another user made is not this process's. */
function isOwn({ uid }: Stats): boolean {
  return process.getuid === undefined || uid === process.getuid();
}

function removeDead(prefix: string): void {
  const [directory, start] = [dirname(prefix), basename(prefix)];
  for (const name of readdirSync(directory)) {
    if (name.startsWith(start) && isDeadOwner(name.slice(start.length))) remove(join(directory, name));
  }
}

/** A file that cannot be removed excludes nobody but this process's own threads. */
function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {}
}
