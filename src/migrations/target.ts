/**
 * A target that is either whole or absent: it is built in a separate directory next to its final
 * place, and renamed once it is complete, verified and synced.
 *
 *      <target>.copy-<owner>-<random>/state     the target under construction; files made to verify
 *                                               it are next to it
 *
 * The next import or export into the same target removes the leftovers of a killed one.
 */

import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { systemCode } from '../adapter/wal/conversion.js';
import { makeBeside } from '../base/copy-place.js';
import { makeDirectory, syncNames } from '../base/directories.js';
import { diskFiles } from '../base/files.js';
import { messageOf } from '../base/permission-model.js';
import { syncDirectory } from '../base/synced-file.js';
import { isLanestoreError, type LanestoreError } from '../errors.js';
import { importError } from './layout.js';

/** A target under construction. */
export interface TargetPlace {
  /** Its final path. */
  readonly target: string;
  /** The directory to build it in: empty, mode 0700. */
  readonly directory: string;
  /** Makes it durable, and moves it into its final place with one rename. */
  publish(): Promise<void>;
  /** Removes an unpublished target, with the directory around it. */
  abandon(): void;
}

/**
 * Claims `target`, which must be absent or an empty directory, and creates the directory to build
 * in, and missing parents.
 * @throws LANESTORE_IMPORT if the target exists, is a mount point, or the system refuses.
 */
export async function claimTarget(target: string): Promise<TargetPlace> {
  const path = resolve(target);
  try {
    refuseTaken(path);
    await makeDirectory(dirname(path));
    const place = await makeBeside(path);
    const directory = join(place.path, 'state');
    mkdirSync(directory, { mode: 0o700 });
    return {
      target: path,
      directory,
      publish: () => publish(path, directory),
      abandon: () => place.removeNow(),
    };
  } catch (error) {
    throw writeError(`make ${path}`, error);
  }
}

function refuseTaken(path: string): void {
  const there = statSync(path, { throwIfNoEntry: false });
  if (there === undefined) return;
  if (!there.isDirectory() || readdirSync(path).length > 0) {
    throw importError(`the target ${path} exists already; name one that does not, or move it away`);
  }
  if (there.dev !== statSync(dirname(path)).dev) {
    const why = 'is a mount point, which cannot be replaced by a rename';
    throw importError(`the target ${path} ${why}; name a directory inside of it`);
  }
}

async function publish(path: string, directory: string): Promise<void> {
  try {
    await syncTree(directory);
    await moveInto(path, directory);
    await syncDirectory(dirname(path));
    await syncNames(dirname(path));
  } catch (error) {
    throw writeError(`move ${directory} to ${path}`, error);
  }
}

async function moveInto(path: string, directory: string): Promise<void> {
  try {
    await diskFiles.rename(directory, path);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR') {
      throw importError(`the target ${path} was created by another process meanwhile; it was not changed`, {
        cause: error,
      });
    }
    if (code === 'EXDEV' || code === 'EBUSY') {
      throw importError(`the target ${path} cannot be moved into place (${code}); name one that is not a mount point`, {
        cause: error,
      });
    }
    throw error;
  }
}

/**
 * Makes the names in a tree durable, from the innermost directory outwards. The files themselves
 * were synced when they were written.
 */
async function syncTree(directory: string): Promise<void> {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) await syncTree(join(directory, entry.name));
  }
  await syncDirectory(directory);
}

/** The coded error for a write that failed. */
export function writeError(what: string, error: unknown): LanestoreError {
  // Returned unchanged: this error already has a remedy, or is not about the disk. Errors of
  // opening and writing a store get the target's name.
  if (isLanestoreError(error) && error.code !== 'LANESTORE_FAILED' && error.code !== 'LANESTORE_IO') return error;
  const text = messageOf(error);
  const full = isFull(error) ? '; free some space, or name a target on a larger disk' : '';
  return importError(`cannot ${what}: ${text}${full}`, { cause: error });
}

/** True if the error, or any error in its chain of causes, is a full disk or quota. */
function isFull(error: unknown): boolean {
  for (let reason = error; reason instanceof Error; reason = reason.cause) {
    if (/ENOSPC|EDQUOT|No space left|quota exceeded/i.test(`${systemCode(reason)} ${reason.message}`)) return true;
  }
  return false;
}
