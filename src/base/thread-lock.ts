/**
 * A lock between the threads of one process. Worker threads have no shared memory that they could
 * find by name, and a kernel lock on a file (fcntl) belongs to the process, not to a thread. So the
 * lock is a kernel object that exists at most once:
 *
 *   Linux       an abstract unix socket, with the process's id in its name. The kernel closes it
 *               when the thread or the process ends, however it ends, and it leaves nothing on
 *               disk. Its name is visible in the whole network namespace. If another process has
 *               taken the name, the lock is a file instead, as below. When the other process ends,
 *               its name becomes free. So a thread that got the socket checks that no thread has
 *               the file, and a thread that got the file tries the socket once more.
 *   elsewhere   an empty file in the directory for temporary files, created with O_EXCL, with the
 *               process's id and start time in its name. A file of a killed process locks nothing,
 *               and the next process removes it. Without a known start time, the age of the file
 *               decides. A thread that is terminated while it holds the lock leaves the file until
 *               its process ends.
 *
 * The lock excludes no other process.
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

/** Releases the lock. Idempotent. */
export type ReleaseThreadLock = () => void;

/** Attempts to take a socket name that other processes hold: it may be free at the next attempt. */
const LISTEN_TRIES = 3;
/**
 * Pause between two checks of a socket's holder, in milliseconds. A socket that this process is
 * closing has left the list of descriptors, but for a moment not the list of sockets.
 */
const LOOK_AGAIN_MS = 20;
/**
 * Upper bound of the difference between the clocks of files and of the process, including a small
 * clock correction.
 */
const CLOCK_MS_MAX = 2000;

/**
 * Takes the lock `name` (letters, digits, `-`) for the calling thread; undefined if a thread of
 * this process holds it, possibly the calling one. If neither a socket nor a file can be created,
 * the lock is granted without excluding other threads.
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
  // The socket may be free by now, and a thread that took it before the file existed did not see
  // the file.
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
    if (holder === 'unowned') continue;
    if (holder.socket === holderBefore) return 'unavailable';
    holderBefore = holder.socket;
    await setTimeout(LOOK_AGAIN_MS);
  }
  return 'held';
}

/**
 * Listens on an abstract socket, without keeping the process alive. Resolves with the error code if
 * that fails.
 */
function listen(name: string): Promise<Server | string> {
  return new Promise((resolve) => {
    // Connections are closed at once: any process of the machine may connect, but none needs to.
    const server = createServer((socket) => void socket.destroy());
    server.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'unknown'));
    try {
      // Exclusive, because in a cluster Node would share one socket between the workers.
      server.listen({ path: `\0${name}`, exclusive: true }, () => resolve(server.unref()));
    } catch (error) {
      resolve((error as NodeJS.ErrnoException).code ?? 'unknown');
    }
  });
}

/**
 * The owner of the abstract socket `name`; if another process owns it, the kernel's name of the
 * socket. The kernel lists the socket with its inode, and the descriptors of this process show
 * which inodes it has open.
 */
function holderOf(name: string): 'this process' | { readonly socket: string } | 'unowned' | 'unknown' {
  try {
    const lines = readFileSync('/proc/self/net/unix', 'latin1').split('\n');
    // An older libuv pads the name with zero bytes, which are listed as `@`.
    const line = lines.find((text) => text.replace(/@+$/, '').endsWith(` @${name}`));
    if (line === undefined) return 'unowned';
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
    // If the file is gone by now, its holder had the lock a moment ago.
    const stat = lstatSync(path, { throwIfNoEntry: false });
    return stat === undefined || isOwn(stat) ? 'held' : 'unavailable';
  }
}

/**
 * True if the file was created before this process started. Used for names without a start time (no
 * /proc): otherwise, after a power cut, a node that gets the same process id as before would be
 * refused for good. If the clock is set forward, a held file looks old. Then only LevelDB excludes
 * other threads, by the path of its LOCK.
 */
export function isOfEarlierProcess(path: string): boolean {
  const startedAt = Date.now() - process.uptime() * 1000;
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat !== undefined && isOwn(stat) && stat.mtimeMs < startedAt - CLOCK_MS_MAX;
}

/** True if a thread of this process holds the lock as a file. */
function isLockedByFile(prefix: string): boolean {
  try {
    const stat = lstatSync(prefix + processOwner(), { throwIfNoEntry: false });
    return stat !== undefined && isOwn(stat);
  } catch {
    // If this process cannot look for the file, it could not have created it either. An error here
    // would leave the socket open, and so lock out every later open in this process.
    return false;
  }
}

/** True if the file belongs to the user of this process. */
function isOwn({ uid }: Stats): boolean {
  return process.getuid === undefined || uid === process.getuid();
}

function removeDead(prefix: string): void {
  const [directory, start] = [dirname(prefix), basename(prefix)];
  for (const name of readdirSync(directory)) {
    if (name.startsWith(start) && isDeadOwner(name.slice(start.length))) remove(join(directory, name));
  }
}

/** Removes a file and ignores failures: a file that stays excludes only threads of this process. */
function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {}
}
