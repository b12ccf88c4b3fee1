/** Creates directories, and makes their names durable; lists what is below one. */
import { closeSync, type Dirent, existsSync, openSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { diskFiles, type Files } from './files.js';
import { string } from './options.js';
import { hasPermissionModel } from './permission-model.js';

/**
 * Creates a directory and its parents, mode 0700; {@link syncNames} makes their names durable.
 * Node's recursive mkdir is not used: it never returns if mkdir fails with ENOENT although the
 * parent exists, as in /proc.
 * @throws errors of the system; under the permission model of Node.js, its refusal if the names
 * could be created but not made durable.
 */
export async function makeDirectory(path: string, files: Pick<Files, 'makeDirectory'> = diskFiles): Promise<void> {
  if (await madeIn(path, files)) return;
  await makeDirectory(dirname(path), files);
  if (!(await madeIn(path, files))) throw new Error(`${dirname(path)} was removed while ${path} was created`);
}

/** Creates `path` unless it exists; false if its parent does not exist. */
async function madeIn(path: string, files: Pick<Files, 'makeDirectory'>, isLast = false): Promise<boolean> {
  try {
    // Throws before mkdir if the parent may not be read: the new name could not be made durable.
    if (hasPermissionModel() && !existsSync(path)) closeSync(openSync(dirname(path), 'r'));
    await files.makeDirectory(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    if (!existsSync(dirname(path))) return false;
    // Another process has created the parent since. Once: in /proc it fails for good.
    if (isLast) throw error;
    return madeIn(path, files, true);
  }
  return true;
}

/**
 * Makes the name of a directory durable in its parent, and likewise all of its ancestors up to the
 * root, whichever process created them. A parent that cannot be opened or synced (search permission
 * only, a read-only mount, refused by the permission model of Node.js) is skipped: no name in it
 * was created here.
 */
export async function syncNames(
  path: string,
  sync: (directory: string) => Promise<void> = diskFiles.syncDirectory,
): Promise<void> {
  for (let child = path, parent = dirname(path); parent !== child; child = parent, parent = dirname(parent)) {
    try {
      await sync(parent);
    } catch (error) {
      if (!UNSYNCABLE.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }
}

const UNSYNCABLE = new Set(['EACCES', 'EPERM', 'EROFS', 'EINVAL', 'ERR_ACCESS_DENIED']);

const UNLISTED = new Set(['EACCES', 'EPERM', 'ERR_ACCESS_DENIED', 'ENOENT', 'ENOTDIR']);

/**
 * All entries below a directory. Links are not followed. A directory below it that may not be read,
 * such as the `lost+found` of a file system, or that is removed meanwhile, is listed as empty.
 * @throws TypeError; the system's error for `directory` itself.
 */
export function entriesBelow(directory: string): Dirent[] {
  string(directory, 'entriesBelow: directory');
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    if (!entry.isDirectory()) return entry;
    try {
      return [entry, ...entriesBelow(join(directory, entry.name))];
    } catch (error) {
      if (!UNLISTED.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
      return entry;
    }
  });
}
