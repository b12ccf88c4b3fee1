/** Mending what a scan found: finishing an interrupted truncation, and taking a torn tail out of the way. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LanestoreError } from '../../errors.js';
import type { Files, WritableFile } from '../files.js';
import { isNoSpace, systemCode } from './io.js';
import type { CleanupStep } from './names.js';
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
  if (scan.torn !== undefined) notes.push(await cutTail(scan.directory, scan.torn, rules, keep));
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
 * Cuts the torn tail off, once its bytes are durable elsewhere, for people to look at. On a full
 * disk they are not kept: the node must be able to start there, and they were never acknowledged.
 */
async function cutTail(directory: string, torn: TornTail, rules: DirectoryRules, keep: TornPlace): Promise<string> {
  const { files, reserve } = rules;
  const name = `${keep.label}-${torn.name}-${torn.at}`;
  const keeping = () => keepBytes(torn.bytes, join(keep.directory, name), files, keep.directory);
  const kept = await (reserve?.spend(keeping) ?? keeping()).catch((error) => {
    if (!isNoSpace(error)) throw error;
    return undefined;
  });
  const segment = await files.open(join(directory, torn.name), SEGMENT_MODE, { empty: false });
  // The open that asked for this syncs the tail before it hands anything out.
  await closing(segment, () => segment.truncate(torn.at));
  const where = kept === undefined ? 'not kept: the disk is full' : `kept in ${kept}`;
  return `${keep.label}: cut a torn tail of ${torn.bytes.length} bytes at byte ${torn.at} of ${torn.name}, ${where}`;
}

/** Writes and syncs `bytes` under `path`, or beside it if something else is there. A repair that died here writes the same again. */
async function keepBytes(bytes: Uint8Array, path: string, files: Files, directory: string): Promise<string> {
  await files.makeDirectory(directory);
  await files.syncDirectory(dirname(directory));
  let free = path;
  for (let n = 1; await isOther(free, bytes); n++) free = `${path}.${n}`;
  const file = await files.open(free, PRIVATE_MODE, { empty: true });
  try {
    await closing(file, async () => {
      await file.write([bytes], 0);
      await file.sync();
    });
  } catch (error) {
    if (isNoSpace(error)) await files.remove(free);
    throw error;
  }
  await files.syncDirectory(directory);
  return free;
}

/** True if a file is there that holds something else than the beginning of `bytes`. */
async function isOther(path: string, bytes: Uint8Array): Promise<boolean> {
  try {
    const there = await readFile(path);
    return there.length > bytes.length || Buffer.compare(there, bytes.subarray(0, there.length)) !== 0;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Closes the file, whatever comes of `work`. */
export async function closing<T>(file: WritableFile, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } finally {
    await file.close();
  }
}

/** The error for a log that is beyond mending. */
export function corrupt(what: string, scan: Pick<LogScan<unknown>, 'findings'>): LanestoreError {
  const [first] = scan.findings;
  const more = scan.findings.length > 1 ? ` (and ${scan.findings.length - 1} more findings)` : '';
  const where = first?.offset === undefined ? first?.file : `${first.file}, byte ${first.offset}`;
  return new LanestoreError('LANESTORE_CORRUPT', `${what} is damaged: ${where}: ${first?.detail}${more}`, {
    findings: scan.findings,
  });
}
