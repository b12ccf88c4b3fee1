/**
 * A truncation at the front, as in tidwall/wal: the remaining entries are written to a new file,
 * which then replaces the old segments.
 */
import { join } from 'node:path';
import type { WritableFile } from '../../base/files.js';
import { START, segmentName, TEMP } from './names.js';
import { cleanUp, type DirectoryRules, removeIfThere, SEGMENT_MODE } from './repair.js';

/**
 * Step 1 of four. `frames` are the entries of a segment from `index` on. If it throws, the log is
 * unchanged.
 *
 *   1. write `<index>.START.TEMP`, sync       after a crash, the log is unchanged
 *   2. rename it to `<index>.START`           the truncation is decided: the next open finishes it
 *   3. remove all segments up to `<index>`
 *   4. rename `<index>.START` to `<index>`
 *
 * A power cut may lose any part of the unsynced changes to the directory. The directory is synced
 * after step 2: the START is durable before any segment is removed. If several segments were
 * removed, it is synced before step 4, too: a removal lost in the middle, with no START left, would
 * look like a gap. (A single segment left over is recognised by its content.)
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
    // The file may have taken the last free bytes of a full disk.
    await removeIfThere(temp, files);
    throw error;
  }
  return file;
}

/**
 * Step 2, for the file of step 1 (`temp`). With `segment`, a segment is kept as it is: this
 * replaces steps 1 and 2, and writes no data.
 */
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
