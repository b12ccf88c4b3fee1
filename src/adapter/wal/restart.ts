/** A truncation at the front, as tidwall/wal does it: what is left goes to a file of its own, then takes the place of the rest. */
import { join } from 'node:path';
import type { Files, WritableFile } from '../files.js';
import { isNoSpace } from './io.js';
import { START, segmentName, TEMP } from './names.js';
import { cleanUp, type DirectoryRules, SEGMENT_MODE } from './repair.js';

/**
 * Steps 1 and 2 of four; `frames` are the entries that are left of the segment with `index`.
 * Undefined if there is no room for them; then nothing is changed.
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
export async function writeStart(
  directory: string,
  index: bigint,
  frames: readonly Uint8Array[],
  { files, directorySync }: DirectoryRules,
): Promise<WritableFile | undefined> {
  const start = join(directory, segmentName(index) + START);
  const file = await writeTemp(start + TEMP, frames, files);
  if (file === undefined) return undefined;
  try {
    await files.rename(start + TEMP, start);
    if (directorySync) await files.syncDirectory(directory);
  } catch (error) {
    await file.close();
    throw error;
  }
  return file;
}

async function writeTemp(path: string, frames: readonly Uint8Array[], files: Files): Promise<WritableFile | undefined> {
  let file: WritableFile | undefined;
  try {
    file = await files.open(path, SEGMENT_MODE, { empty: true });
    await file.write(frames, 0);
    await file.sync();
    return file;
  } catch (error) {
    await file?.close();
    if (!isNoSpace(error)) throw error;
    if (file !== undefined) await files.remove(path);
    return undefined;
  }
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
