/**
 * A snapshot: a complete store with the state of another store at one moment, made while a node may
 * be writing.
 *
 *   1. a consistent copy next to the target (copy.ts), opened and checked like a store at open
 *   2. a new witness for the tip in the copy
 *   3. every file and directory is synced
 *   4. the copy is renamed to the target, and the directories above it are synced
 *
 * So at any moment the target is absent, or empty as before, or a whole store. If the process ends
 * early, the copy stays next to the target, and the next snapshot to that target removes it. The
 * location is only read; the node's lock is not taken.
 *
 * Linked tables are never written again, neither by the node nor by a process that opens the
 * snapshot; removing one store leaves the other whole. But a link names the same bytes on the same
 * disk, so it does not protect against a failure of that disk. `links: false` copies every byte.
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
import { amended, closedFor } from '../open/amend.js';
import { examine, sound } from '../open/examine.js';
import { existingLocation } from '../open/location.js';

/** Options of {@link snapshot}. */
export interface SnapshotOptions<B, Q, A> {
  readonly model: Model<B, Q, A>;
  /** True (default): hard-link files that never change, where possible. False: copy every byte. */
  readonly links?: boolean;
}

const checkSnapshotOptions = fields<SnapshotOptions<unknown, unknown, unknown>>({ ...MODEL_CHECK, links: boolean });

/** The result of a snapshot. */
export interface SnapshotReport {
  /** The real path of the target. */
  readonly location: string;
  /**
   * The newest batch in the snapshot: at least the newest one that was acknowledged before the
   * call.
   */
  readonly seq: bigint;
  /** Number of live records, all of them read and checked. */
  readonly records: number;
  /** Bytes of their values. */
  readonly bytes: number;
  /** Number of tries until the copy was consistent. */
  readonly tries: number;
}

/**
 * Copies the store in `location` to `target`, which is absent or an empty directory, whether a node
 * runs on the store or not. When it resolves, the snapshot is durable, complete up to a batch, and
 * verified. It opens like any other store, and has the same store id.
 *
 * A snapshot signs nothing: a validator that starts on a snapshot lacks every signature made after
 * the snapshot, and may contradict one of them. So one more batch, written before the snapshot has
 * its name, closes every part of its votes; `lanestore release` opens them. A caller that signs
 * without a guard is not stopped: never run a store and its snapshot as the same validator.
 * @throws LANESTORE_NOT_A_STORE (also for a target that is not empty), LANESTORE_SCHEMA,
 * LANESTORE_CORRUPT, LANESTORE_ROLLED_BACK (a damaged store cannot be copied), LANESTORE_INVALID,
 * LANESTORE_IO; the target is unchanged then.
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
  const { seq } = found.tip;
  const closed = amended(found.tip, {
    votes: closedFor(found.records.votes, `it is a snapshot, of batch ${seq}: the store may have signed since`),
    event: { event: 'snapshot', tipSeq: seq },
  });
  await found.engine.write(closed.operations);
  await found.database?.close();
  await Witness.create(diskFiles, storePaths(place.from).witness, closed.tip.store, closed.tip.seq);
  await syncAll(place.from);
  await moveTo(place.from, place.to);
  const { records, bytes } = found.records;
  return { location: place.to, seq, records, bytes, tries: found.database?.tries ?? 0 };
}

/**
 * The real path of the target; creates its parents.
 * @throws LANESTORE_NOT_A_STORE, LANESTORE_INVALID.
 */
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

/** The real path of `path`, or of its nearest ancestor that exists. */
function nearestParent(path: string): string {
  return existsSync(path) ? realpathSync(path) : nearestParent(dirname(path));
}

function occupied(target: string): LanestoreError {
  return new LanestoreError('LANESTORE_NOT_A_STORE', `${target} holds something; choose an empty or absent directory`, {
    remedy: 'choose an empty or absent directory for the target',
  });
}

/** Syncs every file, and every directory after its content. */
async function syncAll(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      await syncAll(path);
      continue;
    }
    // Windows syncs only files that are open for writing (EPERM otherwise). Other systems also sync
    // a file that this process may only read.
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
