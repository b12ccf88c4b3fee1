/** Repairs what a scan found: finishes an interrupted truncation, and removes a torn tail. */
import { dirname, join } from 'node:path';
import { releasing } from '../../base/close-stack.js';
import type { Files, WritableFile } from '../../base/files.js';
import { readRegular } from '../../base/open-file.js';
import { isOutOfSpace, systemCode } from './io.js';
import { type CleanupStep, START, TEMP } from './names.js';
import type { Reserve } from './reserve.js';
import type { LogScan, TornTail } from './scan.js';

/** How repairs and truncations write to disk. */
export interface DirectoryRules {
  readonly files: Files;
  /** Sync the directory after a segment was created, renamed or removed. The original does not. */
  readonly directorySync: boolean;
  /** Disk space for writes that free space on a full disk. */
  readonly reserve?: Pick<Reserve, 'giveUp' | 'spend'> | undefined;
}

/**
 * Where the bytes of torn tails are kept. Never in a log's directory: the original would read them
 * as a segment.
 */
export interface TornPlace {
  /** The directory; created when needed. Its parent must exist. */
  readonly directory: string;
  /** Prefix of the file names: the name of the log. */
  readonly label: string;
}

/** File mode of segments, as on a real node. Their directories are accessible to the owner only. */
export const SEGMENT_MODE = 0o640;
/** File mode of A/B files, and of kept torn tails. */
export const PRIVATE_MODE = 0o600;

/**
 * Repairs a log that was scanned without findings. Resolves with notes on what was done. A crash
 * after any step leaves a log that the next scan repairs to the same entries.
 */
export async function repair(scan: LogScan<unknown>, rules: DirectoryRules, keep: TornPlace): Promise<string[]> {
  const notes: string[] = [];
  if (scan.cleanup.length > 0) {
    await cleanUp(scan.directory, scan.cleanup, rules);
    notes.push(`${keep.label}: removed what an interrupted truncation left`);
  }
  if (scan.torn !== undefined) notes.push(await cutTail(scan.directory, scan.torn, rules.files, keep));
  return notes;
}

/**
 * Does all removals, then the renames. After a power cut, any subset of the removals may be on
 * disk. The `.START` suffix shows which segments belong to the log, so it stays until the removals
 * are durable.
 */
export async function cleanUp(directory: string, steps: readonly CleanupStep[], rules: DirectoryRules): Promise<void> {
  const { files, directorySync } = rules;
  let removals = 0;
  for (const step of steps) {
    if (step.kind === 'remove') {
      await files.remove(join(directory, step.name));
      removals++;
    } else {
      if (directorySync && removals > 1) await files.syncDirectory(directory);
      await files.rename(join(directory, step.from), join(directory, step.to));
    }
  }
  if (directorySync) await files.syncDirectory(directory);
}

/**
 * Cuts off the torn tail, after its bytes are durable in another file, where an operator can
 * inspect them. On a full disk they are not kept: none of them was acknowledged, and the store must
 * open so that it can be pruned.
 */
async function cutTail(directory: string, torn: TornTail, files: Files, keep: TornPlace): Promise<string> {
  const name = `${keep.label}-${torn.name}-${torn.at}`;
  const kept = await keepBytes(torn.bytes, join(keep.directory, name), files, keep.directory);
  const where = kept === undefined ? 'not kept: the disk is full' : `kept in ${kept}`;
  const path = join(directory, torn.name);
  const segment = await files.open(path, SEGMENT_MODE, { empty: false });
  await closing(segment, async () => {
    // A second hard link means that the file also belongs to a backup, which must not change.
    if (segment.links() > 1) return replaceBySound(path, torn.at, files);
    // Not synced here: the open syncs the tail before it returns any entry.
    await segment.truncate(torn.at);
  });
  return `${keep.label}: cut a torn tail of ${torn.bytes.length} bytes at byte ${torn.at} of ${torn.name}, ${where}`;
}

/**
 * Replaces a segment by a copy of its first `bytes` bytes. After a crash, the next open removes an
 * incomplete copy.
 */
async function replaceBySound(path: string, bytes: number, files: Files): Promise<void> {
  const sound = (await readRegular(path)).subarray(0, bytes);
  const temp = path + START + TEMP;
  const copy = await files.open(temp, SEGMENT_MODE, { empty: true });
  await closing(copy, async () => {
    await copy.write([sound], 0);
    await copy.sync();
  });
  await files.rename(temp, path);
  await files.syncDirectory(dirname(path));
}

/**
 * Writes and syncs `bytes` at `path`, or at `path` with a number added if another file is there.
 * Resolves with the path, or with undefined if the disk is full. After a crash in the middle, the
 * next repair writes the same bytes to the same path.
 */
async function keepBytes(
  bytes: Uint8Array,
  path: string,
  files: Files,
  directory: string,
): Promise<string | undefined> {
  let free = path;
  try {
    await files.makeDirectory(directory);
    await files.syncDirectory(dirname(directory));
    for (let n = 1; await isOther(free, bytes); n++) free = `${path}.${n}`;
    const file = await files.open(free, PRIVATE_MODE, { empty: true });
    await closing(file, async () => {
      await file.write([bytes], 0);
      await file.sync();
    });
    await files.syncDirectory(directory);
    return free;
  } catch (error) {
    if (!isOutOfSpace(error)) throw error;
    await removeIfThere(free, files);
    return undefined;
  }
}

/**
 * Removes an incomplete file. Failures are ignored: the file is not part of the log, and may stay.
 */
export async function removeIfThere(path: string, files: Files): Promise<void> {
  await files.remove(path).catch(() => undefined);
}

/** True if `path` exists and its content is not a prefix of `bytes`. */
async function isOther(path: string, bytes: Uint8Array): Promise<boolean> {
  try {
    const there = await readRegular(path);
    return there.length > bytes.length || Buffer.compare(there, bytes.subarray(0, there.length)) !== 0;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Closes the file after `work`, also if that fails. @throws the first failure of the two. */
export function closing<T>(file: WritableFile, work: () => Promise<T>): Promise<T> {
  return releasing(() => file.close(), work);
}
