/** Lists what is below a directory, as base/directories.ts does: commands cannot import that. */
import { type Dirent, readdirSync } from 'node:fs';
import { join } from 'node:path';

const UNLISTED = new Set(['EACCES', 'EPERM', 'ERR_ACCESS_DENIED', 'ENOENT', 'ENOTDIR']);

/**
 * All entries below a directory. Links are not followed. A directory below it that may not be read,
 * such as the `lost+found` of a file system, or that is removed meanwhile, is listed as empty.
 * @throws the system's error for `directory` itself.
 */
export function entriesBelow(directory: string): Dirent[] {
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
