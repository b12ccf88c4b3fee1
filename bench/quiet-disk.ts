/**
 * Waiting for the disk to be quiet: what a contender left to be compacted, or the kernel to be written back, would otherwise be done beside the
 * rounds of the next one, always the same one.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mountOf } from './disk.js';

const LOOK_EVERY_MS = 50;
/** So long without a write, and it is quiet: a compaction fills pages for a while before it syncs them. */
const QUIET_MS = 150;
/** Whoever writes longer than this is not waited for. */
const WAIT_MS_MAX = 5000;
/** In a line of /proc/diskstats, behind major, minor and name: the sectors that were written. */
const SECTORS_WRITTEN = 7;

/** Resolves when nothing has been written to the disk of `dir` for a while, or after some seconds; at once where the kernel does not tell. */
export async function quietDisk(dir: string): Promise<void> {
  const device = basename(mountOf(dir)?.device ?? '');
  const started = performance.now();
  let last = sectorsWritten(device);
  let since = started;
  while (last !== undefined && performance.now() - since < QUIET_MS && performance.now() - started < WAIT_MS_MAX) {
    await sleep(LOOK_EVERY_MS);
    const now = sectorsWritten(device);
    if (now !== last) since = performance.now();
    last = now;
  }
}

function sectorsWritten(device: string): string | undefined {
  let text: string;
  try {
    text = readFileSync('/proc/diskstats', 'utf8');
  } catch {
    return undefined;
  }
  for (const line of text.split('\n')) {
    const [, , name, ...counts] = line.trim().split(/ +/);
    if (name === device) return counts[SECTORS_WRITTEN - 1];
  }
  return undefined;
}
