/** Making directories, and making their names durable. */
import { closeSync, existsSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { diskFiles, type Files } from './files.js';
import { hasPermissionModel } from './permission-model.js';

/**
 * Makes a directory and its parents, mode 0700. {@link syncNames} makes that durable. Node's own
 * recursive mkdir does not end where mkdir says ENOENT below a directory that exists, as in /proc.
 * @throws what the system throws; what the permission model of Node.js throws where the names could
 * be made, but not durable.
 */
export async function makeDirectory(path: string, files: Pick<Files, 'makeDirectory'> = diskFiles): Promise<void> {
  if (await madeIn(path, files)) return;
  await makeDirectory(dirname(path), files);
  if (!(await madeIn(path, files))) throw new Error(`${dirname(path)} went away while ${path} was made`);
}

/** Makes `path` unless it is there; false if its parent is absent. */
async function madeIn(path: string, files: Pick<Files, 'makeDirectory'>): Promise<boolean> {
  try {
    // A name in a directory that may not be read could not be made durable there.
    if (hasPermissionModel() && !existsSync(path)) closeSync(openSync(dirname(path), 'r'));
    await files.makeDirectory(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' && !existsSync(dirname(path))) return false;
    throw error;
  }
  return true;
}

/**
 * Makes the name of a directory durable in its parent, and those of its parents up to the root:
 * whoever made them, and whenever that process ended. A parent that cannot be opened or synced
 * (search permission only, a read-only mount, not granted by the permission model of Node.js) holds
 * no name that was made here.
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
