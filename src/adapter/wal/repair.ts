/** Mending what a scan found: finishing an interrupted truncation, and taking a torn tail out of the way. */
import { dirname, join } from 'node:path';
import { releasing } from '../../base/close-stack.js';
import type { Files, WritableFile } from '../../base/files.js';
import { readRegular } from '../../base/open-file.js';
import { isOutOfSpace, systemCode } from './io.js';
import { type CleanupStep, START, TEMP } from './names.js';
import type { Reserve } from './reserve.js';
import type { LogScan, TornTail } from './scan.js';

/** What repairs and truncations need to know beside the log itself. */
export interface DirectoryRules {
  readonly files: Files;
  /** Sync the directory after a segment was made, renamed or removed. The original does not. */
  readonly directorySync: boolean;
  /** For what frees space on a full disk. */
  readonly reserve?: Pick<Reserve, 'giveUp' | 'spend'> | undefined;
}

/** Where the bytes of torn tails are kept: never in a log's directory, where the original would take them for a segment. */
export interface TornPlace {
  /** The directory; made when it is needed. Its parent exists. */
  readonly directory: string;
  /** What their names begin with: the log. */
  readonly label: string;
}

/** The mode of segments, as on a real node. Their directories are closed to everyone else. */
export const SEGMENT_MODE = 0o640;
/** The mode of A/B files, and of what is kept of torn tails. */
export const PRIVATE_MODE = 0o600;

/**
 * Mends a log that was scanned without findings. Gives notes on what was done.
 * Every step leaves a log that the next scan mends to the same entries.
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
 * All removals, then the renames: whatever part of the removals survives a power cut, the `.START` still tells
 * what belongs to the log. So it keeps its ending until the removals are durable.
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
 * Cuts the torn tail off, once its bytes are durable elsewhere, for people who want to see what was lost. On a full disk they are not kept:
 * nothing that was acknowledged is among them, and the store must open to be pruned.
 */
async function cutTail(directory: string, torn: TornTail, files: Files, keep: TornPlace): Promise<string> {
  const name = `${keep.label}-${torn.name}-${torn.at}`;
  const kept = await keepBytes(torn.bytes, join(keep.directory, name), files, keep.directory);
  const where = kept === undefined ? 'not kept: the disk is full' : `kept in ${kept}`;
  const path = join(directory, torn.name);
  const segment = await files.open(path, SEGMENT_MODE, { empty: false });
  await closing(segment, async () => {
    // With another name it is that of a backup too, which stays as it is.
    if (segment.status().links > 1) return replaceBySound(path, torn.at, files);
    // The open that asked for this syncs the tail before it hands anything out.
    await segment.truncate(torn.at);
  });
  return `${keep.label}: cut a torn tail of ${torn.bytes.length} bytes at byte ${torn.at} of ${torn.name}, ${where}`;
}

/** Puts a copy of the first `bytes` of a segment in its place. What a crash leaves of the copy, the next open removes. */
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
 * Writes and syncs `bytes` under `path`, or beside it if something else is there; gives the path, or undefined where the disk is full. A
 * repair that died here writes the same again.
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

/** Removes what could not be written to its end. It is no part of the log, so that it may stay where it cannot be removed. */
export async function removeIfThere(path: string, files: Files): Promise<void> {
  await files.remove(path).catch(() => undefined);
}

/** True if a file is there that holds something else than the beginning of `bytes`. */
async function isOther(path: string, bytes: Uint8Array): Promise<boolean> {
  try {
    const there = await readRegular(path);
    return there.length > bytes.length || Buffer.compare(there, bytes.subarray(0, there.length)) !== 0;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Closes the file, whatever comes of `work`. @throws the first failure of the two. */
export function closing<T>(file: WritableFile, work: () => Promise<T>): Promise<T> {
  return releasing(() => file.close(), work);
}
