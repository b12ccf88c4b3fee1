/** The files below a directory, with their sizes. */
import { readdirSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

/** In order of their names; files that go meanwhile are left out. */
export function bytesBelow(location: string): { name: string; bytes: number }[] {
  const files = [];
  for (const entry of readdirSync(location, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat !== undefined) files.push({ name: relative(location, path), bytes: stat.size });
  }
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}
