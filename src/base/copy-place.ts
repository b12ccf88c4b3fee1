/**
 * Directories for private copies of a store. A copy is a directory next to the location, so that
 * its tables can be hard links. Its name says what it is and which process made it:
 *
 *     <name of the location>.copy-<pid>-<start of the process>-<machine and pid namespace>-<random>
 *
 * A location's name that is too long is cut, and its digest is appended. So all copies of a
 * location have the same prefix.
 *
 * A copy whose process has ended is removed when the next copy is made. The start time
 * distinguishes the process from a later one with the same pid. Copies of processes on other
 * machines or in other containers are kept, because such a process cannot be checked.
 */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import { readdir, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, sep } from 'node:path';
import { LanestoreError } from '../errors.js';
import { addLeftover, removeAllLeftovers } from './leftovers.js';
import { messageOf } from './permission-model.js';
import { isDeadOwner, isOwner, processOwner } from './process-owner.js';

/** A directory for one copy. */
export interface CopyPlace {
  readonly path: string;
  remove(): Promise<void>;
  /** Synchronous variant of {@link remove}. */
  removeNow(): void;
}

/**
 * Attempts to remove a directory in which another process, or another call, is still creating
 * files.
 */
const REMOVE_TRIES = 20;
const REMOVE_RETRY_MS = 10;

/** Errors after which the next candidate directory is tried. */
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

/** Longest file name that file systems accept, in bytes. */
const NAME_BYTES_MAX = 255;
/**
 * Upper bound of the part after the location's name: ".copy-", 7 digits, 12 digits, 8 and 8 hex
 * digits, three dashes.
 */
const ENDING_BYTES_MAX = 44;
/** Hex digits of a digest: enough to distinguish the names in a directory. */
const DIGEST_CHARS = 16;

/**
 * Creates a directory for a copy of `location`, a real path: in `directory` if given, else next to
 * the location, else in the system's directory for temporary files. Removes copies of dead
 * processes there.
 * @throws LANESTORE_IO if no directory can be created.
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

/**
 * @throws LANESTORE_INVALID if the copy would be inside of the location, where nothing may be
 * created.
 */
export function refuseInside(parent: string, location: string): void {
  if (parent !== location && !parent.startsWith(location + sep)) return;
  throw new LanestoreError('LANESTORE_INVALID', `a copy of ${location} must not be inside of it: ${parent}`);
}

/**
 * Creates a directory next to `path`, named after it, and removes copies of dead processes there.
 * @throws errors of the file system.
 */
export async function makeBeside(path: string): Promise<CopyPlace> {
  const parent = dirname(path);
  const prefix = `${shortened(basename(path))}.copy-`;
  await removeDeadCopies(parent, prefix);
  const made = join(parent, `${prefix}${processOwner()}-${randomBytes(4).toString('hex')}`);
  const options = { recursive: true, force: true, maxRetries: REMOVE_TRIES, retryDelay: REMOVE_RETRY_MS } as const;
  const removeNow = () => rmSync(made, options);
  // Synchronous, so that no signal handler runs between creation and registration.
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
 * Removes, synchronously, every private copy and every target under construction that this process
 * has created and not yet removed, and kills the processes that read them. Views and migrations in
 * progress then fail. Call this before a program exits on SIGINT or SIGTERM.
 */
export function removePrivateCopies(): void {
  removeAllLeftovers();
}

/** The name; if it is too long for a copy's name, its first characters and its digest. */
function shortened(name: string): string {
  const bytes = new TextEncoder().encode(name);
  const room = NAME_BYTES_MAX - ENDING_BYTES_MAX;
  if (bytes.length <= room) return name;
  const digest = createHash('sha256').update(bytes).digest('hex').slice(0, DIGEST_CHARS);
  // In stream mode, the decoder omits an incomplete character at the end.
  const start = new TextDecoder().decode(bytes.subarray(0, room - DIGEST_CHARS - 1), { stream: true });
  return `${start}~${digest}`;
}

/** Failures are ignored: a copy that stays does no harm. */
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

/**
 * Refuses to open a private copy that another process made, or a target that it was building:
 * neither is a store, although its files may look like one.
 * @throws LANESTORE_NOT_A_STORE.
 */
export function refuseCopy(location: string): void {
  if (!isCopyOfOther(location)) return;
  const what = 'is a private copy that a reading tool, a snapshot, an import or an export did not remove';
  throw new LanestoreError('LANESTORE_NOT_A_STORE', `${location} ${what}; it is not a store`, {
    remedy: 'open the store itself; remove this copy once the process that made it has ended',
  });
}

/** True if the name of `path`, or of its parent, is that of a copy which another process made. */
function isCopyOfOther(path: string): boolean {
  return [basename(path), basename(dirname(path))].some((name) => {
    const owner = ownerIn(name.slice(name.lastIndexOf('.copy-') + '.copy-'.length));
    return name.includes('.copy-') && owner !== undefined && isOwner(owner) && owner !== processOwner();
  });
}

/** True only if it is certain that the process which made the copy has ended. */
function isOrphan(suffix: string): boolean {
  const owner = ownerIn(suffix);
  return owner !== undefined && isDeadOwner(owner);
}

/** The owner in the part of a copy's name after the prefix. */
function ownerIn(suffix: string): string | undefined {
  return /^(.+)-[0-9a-f]{8}$/.exec(suffix)?.[1];
}
