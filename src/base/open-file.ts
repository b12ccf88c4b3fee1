/**
 * Opens a file by name in a directory that an attacker may have prepared: a symbolic link is not
 * followed, a FIFO does not block, and the type of the opened file is checked by its descriptor. A
 * new file is created only under an unused name, so it never has a second hard link.
 *
 * The path to the directory itself is not checked: it may lead through symbolic links.
 */
import * as fs from 'node:fs';
import { type FileHandle, open as openHandle } from 'node:fs/promises';
import { called } from './called.js';
import { releasing } from './close-stack.js';

/** A system that lacks one of these flags has no such files either. */
const { O_NOFOLLOW = 0, O_NONBLOCK = 0, O_RDONLY } = fs.constants;

/**
 * Opens the file at `path`.
 * @throws errors of the system; an error with code EFTYPE, EISDIR or ELOOP if it is not a regular
 * file.
 */
export async function openRegular(path: string, flags: number, mode?: number): Promise<number> {
  const fd = await called<number>((done) => fs.open(path, flags | O_NOFOLLOW | O_NONBLOCK, mode, done)).catch(
    explained(path),
  );
  return checked(fd, path);
}

/** Synchronous variant of {@link openRegular}. */
export function openRegularSync(path: string, flags: number, mode?: number): number {
  try {
    return checked(fs.openSync(path, flags | O_NOFOLLOW | O_NONBLOCK, mode), path);
  } catch (error) {
    return explained(path)(error);
  }
}

/** As {@link openRegular}, but resolves with a FileHandle, which the caller must close. */
export async function openRegularHandle(path: string, flags: number, mode?: number): Promise<FileHandle> {
  return (await openChecked(path, flags, mode)).handle;
}

/**
 * Opens the file at `path` for reading; `size` is its current length.
 * @throws as {@link openRegular}.
 */
export async function openToRead(path: string): Promise<{ readonly handle: FileHandle; readonly size: number }> {
  const { handle, stat } = await openChecked(path, O_RDONLY);
  return { handle, size: stat.size };
}

/** All bytes of the file at `path`. @throws as {@link openRegular}. */
export async function readRegular(path: string): Promise<Buffer> {
  const { handle } = await openToRead(path);
  return releasing(
    () => handle.close(),
    () => handle.readFile(),
  );
}

/** Synchronous variant of {@link readRegular}. */
export function readRegularSync(path: string): Buffer {
  const fd = openRegularSync(path, O_RDONLY);
  try {
    return fs.readFileSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/**
 * Fills `into` from byte `offset` of an open file. Resolves with the number of bytes read: fewer
 * than the length of `into` only at the end of the file.
 */
export async function readFully(fd: number, into: Uint8Array, offset: number): Promise<number> {
  let filled = 0;
  while (filled < into.length) {
    const [at, left] = [filled, into.length - filled];
    const count = await called<number>((done) =>
      fs.read(fd, into, at, left, offset + at, (error, n) => done(error, n)),
    );
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

/** The type of a file, as used in messages. */
export function kindOf(entry: fs.Dirent | fs.Stats): string {
  if (entry.isFile()) return 'a regular file';
  if (entry.isDirectory()) return 'a directory';
  if (entry.isSymbolicLink()) return 'a symbolic link';
  if (entry.isFIFO()) return 'a FIFO';
  return entry.isSocket() ? 'a socket' : 'a device';
}

async function openChecked(
  path: string,
  flags: number,
  mode?: number,
): Promise<{ handle: FileHandle; stat: fs.Stats }> {
  const handle = await openHandle(path, flags | O_NOFOLLOW | O_NONBLOCK, mode).catch(explained(path));
  try {
    // Synchronous: a system call of about a microsecond, without a round trip to a pool thread.
    const stat = fs.fstatSync(handle.fd);
    refuseOther(stat, path);
    return { handle, stat };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function checked(fd: number, path: string): number {
  try {
    refuseOther(fs.fstatSync(fd), path);
    return fd;
  } catch (error) {
    fs.closeSync(fd);
    throw error;
  }
}

function refuseOther(stat: fs.Stats, path: string): void {
  if (!stat.isFile()) throw notRegular(path, kindOf(stat), stat.isDirectory() ? 'EISDIR' : 'EFTYPE');
}

/** Rewords ELOOP, whose text says "too many links" where there is one symbolic link. */
function explained(path: string): (error: unknown) => never {
  return (error) => {
    const isLink = (error as NodeJS.ErrnoException).code === 'ELOOP' && fs.lstatSync(path).isSymbolicLink();
    throw isLink ? notRegular(path, 'a symbolic link', 'ELOOP') : error;
  };
}

function notRegular(path: string, kind: string, code: string): Error {
  return Object.assign(new Error(`${code}: ${path} is ${kind}, not a regular file`), { code });
}
