/** A truncation at the front, as tidwall/wal does it: what is left goes to a file of its own, then takes the place of the rest. */
import { join } from 'node:path';
import type { WritableFile } from '../../base/files.js';
import { START, segmentName, TEMP } from './names.js';
import { cleanUp, type DirectoryRules, removeIfThere, SEGMENT_MODE } from './repair.js';

/**
 * Step 1 of four; `frames` are the entries that are left of the segment with `index`. When it throws, the log is as it was.
 *
 *   1. write `<index>.START.TEMP`, sync       a crash leaves the log as it was
 *   2. rename it to `<index>.START`           from here on the truncation is decided: a crash is finished at open
 *   3. remove all segments up to that one
 *   4. rename `<index>.START` to `<index>`
 *
 * A power cut may lose part of what was done to the directory, in any order. Synced after 2, the START is durable before
 * anything goes. Where several segments went, it is synced before 4 as well: with one left between two that are gone, and no
 * START to tell, there would be a gap. (One alone that is left over is recognised by its content.)
 */
export async function writeTemp(
  directory: string,
  index: bigint,
  frames: readonly Uint8Array[],
  { files }: DirectoryRules,
): Promise<WritableFile> {
  const temp = join(directory, segmentName(index) + START + TEMP);
  const file = await files.open(temp, SEGMENT_MODE, { empty: true });
  try {
    await file.write(frames, 0);
    await file.sync();
  } catch (error) {
    await file.close().catch(() => undefined);
    // On a full disk it may have taken the last byte.
    await removeIfThere(temp, files);
    throw error;
  }
  return file;
}

/** Step 2, for a file that step 1 wrote; or, for a segment that is kept as it is, steps 1 and 2: then nothing is written. */
export async function makeStart(
  directory: string,
  index: bigint,
  from: 'temp' | 'segment',
  { files, directorySync }: DirectoryRules,
): Promise<void> {
  const segment = join(directory, segmentName(index));
  await files.rename(from === 'temp' ? segment + START + TEMP : segment, segment + START);
  if (directorySync) await files.syncDirectory(directory);
}

/** Steps 3 and 4. */
export async function finishStart(
  directory: string,
  index: bigint,
  removals: readonly string[],
  rules: DirectoryRules,
): Promise<void> {
  const name = segmentName(index);
  const steps = removals.map((removal) => ({ kind: 'remove', name: removal }) as const);
  await cleanUp(directory, [...steps, { kind: 'rename', from: name + START, to: name }], rules);
}
