/**
 * Where a private copy of a store stands: a directory of its own beside the location, so that tables can be hard links, with a name
 * that tells what it is and who made it:
 *
 *      <name of the location>.copy-<pid>-<start of the process>-<machine and pid namespace>-<random>
 *
 * A name that is too long for that is cut, and its digest put behind it. The same name is always cut to the same one.
 *
 * A copy whose process is gone is nobody's, and is removed when the next one is made. The start time keeps a reused pid from passing
 * for its owner; a process of another machine or container cannot be looked up, so its copies stay.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, sep } from 'node:path';
import { LanestoreError } from '../errors.js';
import { addLeftover, removeAllLeftovers } from './leftovers.js';
import { messageOf } from './permission-model.js';
import { isDeadOwner, processOwner } from './process-owner.js';

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
const UNUSABLE = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOSPC',
  'EDQUOT',
  'ENOENT',
  'ENAMETOOLONG',
  'ERR_ACCESS_DENIED',
]);

/** Bytes of a name that file systems take. */
const NAME_BYTES_MAX = 255;
/** Upper bound of what stands behind the name of the location: ".copy-", 7 digits, 12 digits, 8 and 8 hex digits, three dashes. */
const ENDING_BYTES_MAX = 44;
/** Hex digits of a digest: enough to tell the names in a directory apart. */
const DIGEST_CHARS = 16;

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
  if (parent !== location && !parent.startsWith(location + sep)) return;
  throw new LanestoreError('LANESTORE_INVALID', `a copy of ${location} must not stand inside of it: ${parent}`);
}

/** Makes a place beside `path`, called after it, and removes what dead processes left there. @throws what the file system throws. */
export async function makeBeside(path: string): Promise<CopyPlace> {
  const parent = dirname(path);
  const prefix = `${shortened(basename(path))}.copy-`;
  await removeDeadCopies(parent, prefix);
  const made = join(parent, `${prefix}${processOwner()}-${randomBytes(4).toString('hex')}`);
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

/** The name, or so much of it that a copy can be called after it, in whole characters, and its digest. */
function shortened(name: string): string {
  const bytes = new TextEncoder().encode(name);
  const room = NAME_BYTES_MAX - ENDING_BYTES_MAX;
  if (bytes.length <= room) return name;
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, DIGEST_CHARS);
  // As a stream, the decoder keeps back a character that is cut.
  const start = new TextDecoder().decode(bytes.subarray(0, room - DIGEST_CHARS - 1), { stream: true });
  return `${start}~${digest}`;
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
  const reason = messageOf(cause);
  return new LanestoreError('LANESTORE_IO', `no copy can be made in ${where}: ${reason}; give another directory`, {
    cause,
  });
}

/** True only when it is certain that the process which made it has ended. */
function isOrphan(suffix: string): boolean {
  const [, owner] = /^(.+)-[0-9a-f]{8}$/.exec(suffix) ?? [];
  return owner !== undefined && isDeadOwner(owner);
}
