/**
 * A snapshot: a store of its own, as the other one was at a moment, made while a node may be writing.
 *
 *   1. a consistent copy beside the target (copy.ts), opened and checked like a store at open
 *   2. its witness, made anew for the tip that the copy has
 *   3. every file and directory synced
 *   4. renamed to the target, whose names are synced
 * So the target is either absent, or empty as before, or a whole store, whenever the process dies. What it leaves is a copy beside the target, which
 * the next snapshot of that name removes. Of the location it only reads; the node's lock is not taken.
 *
 * Tables that are hard links are never written again, by the node or by whoever opens the snapshot; removing either store leaves the other whole. But
 * a link is the same bytes on the same disk: it does not protect from that disk. `links: false` copies every byte.
 */
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { CloseStack, releasing } from '../../../base/close-stack.js';
import { makeBeside, refuseInside } from '../../../base/copy-place.js';
import { makeDirectory, syncNames } from '../../../base/directories.js';
import { diskFiles } from '../../../base/files.js';
import { boolean, fields, string } from '../../../base/options.js';
import { syncDirectory } from '../../../base/synced-file.js';
import { LanestoreError } from '../../../errors.js';
import type { Model } from '../../../model/model.js';
import { MODEL_CHECK } from '../../../model/option-checks.js';
import { openCopy } from '../copy/copied-database.js';
import { coded } from '../database.js';
import { storePaths } from '../format/paths.js';
import { Witness } from '../format/witness.js';
import { examine, sound } from '../open/examine.js';
import { existingLocation } from '../open/location.js';

/** Options of {@link snapshot}. */
export interface SnapshotOptions<B, Q, A> {
  readonly model: Model<B, Q, A>;
  /** Hard links of files that never change, where they are possible (default), or a copy of every byte. */
  readonly links?: boolean;
}

const checkSnapshotOptions = fields<SnapshotOptions<unknown, unknown, unknown>>({ ...MODEL_CHECK, links: boolean });

/** A snapshot that was made. */
export interface SnapshotReport {
  /** The real path of the target. */
  readonly location: string;
  /** The newest batch that it holds: at least the newest one that was acknowledged when the call was made. */
  readonly seq: bigint;
  /** Live records, all of them read and checked. */
  readonly records: number;
  /** Bytes of their values. */
  readonly bytes: number;
  /** How often the copy was begun before it was consistent. */
  readonly tries: number;
}

/**
 * Copies the store in `location` to `target`, which is absent or an empty directory, whether a node runs on it or not. When it resolves, the
 * snapshot is durable, complete up to a batch, and verified. It opens like any other store, and has the same store id.
 *
 * It is for looking at, for tests, and for a node that cannot sign. A validator that is started on a snapshot does not know what it signed after
 * the snapshot was made, and may sign against it; the snapshot's witness cannot tell. Never run a store and its snapshot as the same validator.
 * @throws LANESTORE_NOT_A_STORE (also for a target that holds something), LANESTORE_SCHEMA, LANESTORE_CORRUPT, LANESTORE_ROLLED_BACK (of a
 * damaged store there is no snapshot), LANESTORE_INVALID, LANESTORE_IO; then the target is as it was.
 * @example
 * ```ts
 * import { autobahn, snapshot } from 'lanestore';
 *
 * const { location, seq } = await snapshot('state', 'backups/today', { model: autobahn });
 * console.log(`${location} holds everything up to batch ${seq}`);
 * ```
 */
export async function snapshot<B, Q, A>(
  location: string,
  target: string,
  options: SnapshotOptions<B, Q, A>,
): Promise<SnapshotReport> {
  string(location, 'snapshot: location');
  string(target, 'snapshot: target');
  checkSnapshotOptions(options, 'snapshot: options');
  const held = new CloseStack();
  try {
    return await releasing(
      () => held.close(),
      () => copyTo(location, target, options, held),
    );
  } catch (error) {
    throw coded(error);
  }
}

async function copyTo<B, Q, A>(
  location: string,
  target: string,
  { model, links }: SnapshotOptions<B, Q, A>,
  held: CloseStack,
): Promise<SnapshotReport> {
  const paths = existingLocation(location);
  let place = { from: '', to: '' };
  const database = async () => {
    const to = await freeTarget(target, paths.location);
    const copy = await makeBeside(to);
    held.add(copy.remove);
    place = { from: copy.path, to };
    return openCopy(paths, copy.path, { links, values: true }, held);
  };
  const found = sound(await examine(paths, { model, depth: 'records', database }));
  await found.database?.close();
  const { seq, store } = found.tip;
  await Witness.create(diskFiles, storePaths(place.from).witness, store, seq);
  await syncAll(place.from);
  await moveTo(place.from, place.to);
  const { records, bytes } = found.records;
  return { location: place.to, seq, records, bytes, tries: found.database?.tries ?? 0 };
}

/** Where the target will stand; its parents are made. @throws LANESTORE_NOT_A_STORE, LANESTORE_INVALID. */
async function freeTarget(target: string, location: string): Promise<string> {
  if (target === '') throw new LanestoreError('LANESTORE_INVALID', 'the target is an empty string');
  const stat = statSync(target, { throwIfNoEntry: false });
  if (stat?.isDirectory() === true ? readdirSync(target).length > 0 : stat !== undefined) throw occupied(target);
  const wanted = stat === undefined ? resolve(target) : realpathSync(target);
  const parent = nearestParent(dirname(wanted));
  refuseInside(parent, location);
  await makeDirectory(dirname(wanted));
  return join(realpathSync(dirname(wanted)), basename(wanted));
}

/** The real path of the next directory above that exists: where names will be made. */
function nearestParent(path: string): string {
  return existsSync(path) ? realpathSync(path) : nearestParent(dirname(path));
}

function occupied(target: string): LanestoreError {
  return new LanestoreError('LANESTORE_NOT_A_STORE', `${target} holds something; choose an empty or absent directory`, {
    remedy: 'choose an empty or absent directory for the target',
  });
}

/** Syncs every file, then every directory from the inside out. */
async function syncAll(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      await syncAll(path);
      continue;
    }
    // Windows flushes only what may be written (EPERM); elsewhere a file that may only be read is synced too.
    const file = await open(path, process.platform === 'win32' ? 'r+' : 'r');
    await releasing(
      () => file.close(),
      () => file.sync(),
    );
  }
  await syncDirectory(directory);
}

async function moveTo(from: string, target: string): Promise<void> {
  try {
    await diskFiles.rename(from, target);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'ENOTDIR' ? occupied(target) : error;
  }
  await syncDirectory(dirname(target));
  await syncNames(dirname(target));
}
