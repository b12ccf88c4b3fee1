/** What a location holds, for those who only look. */
import { lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { isLanestoreError, type LanestoreError } from '../../../errors.js';
import { type StorePaths, storePaths } from '../format/paths.js';
import { NAME_A_STORE, needsCreation, refuseOtherTypes } from '../open/create.js';
import { noDirectory, noStore } from '../open/open.js';
import type { StoreFile } from './store-view.js';

/** The paths of a location that is a directory. @throws LANESTORE_NOT_A_STORE. */
export function existingStore(location: string): StorePaths {
  const stat = statSync(location, { throwIfNoEntry: false });
  if (stat === undefined) throw noStore(location);
  if (!stat.isDirectory()) throw noDirectory(location);
  return storePaths(realpathSync(location));
}

/** Why there is no database to look into although there is, or was, a store. @throws LANESTORE_NOT_A_STORE if there never was one. */
export function missingLevel(paths: StorePaths): LanestoreError | undefined {
  try {
    refuseOtherTypes(paths);
    if (needsCreation(paths, NAME_A_STORE)) throw noStore(paths.location);
    return undefined;
  } catch (error) {
    if (isLanestoreError(error) && error.findings !== undefined) return error;
    throw error;
  }
}

/** Names and sizes of all files of a location; no link is followed. A file that goes away meanwhile is left out. */
export function filesOf(location: string): StoreFile[] {
  const files: StoreFile[] = [];
  for (const entry of readdirSync(location, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat !== undefined) files.push({ name: relative(location, path), bytes: stat.size });
  }
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}
