/**
 * A private copy of a state of the layout `sei-73f917bbd` in which a node is writing: hard links to
 * its files, which only grow, or copies where the file system has no links. The A/B files are
 * overwritten in place, so they are copied.
 *
 * The logs come before the block store: an anchor in it is then at least as new as the one to which
 * the logs were pruned, so no entry seems to be missing.
 */
import { copyFileSync, linkSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { BLOCK_STORE_DIR } from '../adapter/littdb/index.js';
import { BLOCKS_DIR, COMMIT_QCS_DIR, INNER_PREFIX, PAIR_FILES, scanAB, systemCode } from '../adapter/wal/conversion.js';
import { type CopyPlace, makeCopyPlace } from '../base/copy-place.js';
import { importError } from './layout.js';

/** How often a directory is read again because a name in it disappeared meanwhile. */
const TRIES = 20;

/** Errors of a file system, or between two, that has no hard links. */
const NO_LINKS = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EACCES']);

/**
 * Makes the copy; its `path` is the copied state directory. @throws LANESTORE_IMPORT, LANESTORE_IO.
 */
export async function copyLiveState(location: string): Promise<CopyPlace> {
  const place = await makeCopyPlace(location, undefined);
  try {
    await copyPair(location, place.path);
    linkTree(location, place.path, COMMIT_QCS_DIR);
    linkTree(location, place.path, BLOCKS_DIR);
    linkTree(location, place.path, join(BLOCK_STORE_DIR, 'blocks', 'segments'));
    return place;
  } catch (error) {
    await place.remove();
    throw error;
  }
}

/** Copies the A/B files of the inner state until one of them is whole, or both are empty. */
async function copyPair(from: string, to: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    for (const name of PAIR_FILES.filter((file) => file.startsWith(`${INNER_PREFIX}_`))) {
      if (statSync(join(from, name), { throwIfNoEntry: false }) !== undefined) {
        copyFileSync(join(from, name), join(to, name));
      }
    }
    if ((await scanAB(to, INNER_PREFIX)).findings.length === 0 || tries === TRIES) return;
  }
}

/** Links all files below a directory; the names in each directory are those of one moment. */
function linkTree(from: string, to: string, directory: string): void {
  for (let tries = 1; ; tries++) {
    rmSync(join(to, directory), { recursive: true, force: true });
    try {
      linkDirectory(join(from, directory), join(to, directory));
      return;
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
      if (tries === TRIES) {
        throw importError(`${join(from, directory)} changed ${TRIES} times while it was read; try again`, {
          cause: error,
        });
      }
    }
  }
}

function linkDirectory(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) linkDirectory(source, target);
    else linkOrCopy(source, target);
  }
}

function linkOrCopy(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch (error) {
    if (!NO_LINKS.has(systemCode(error) ?? '')) throw error;
    copyFileSync(source, target);
  }
}
