/**
 * Waits until the disk is quiet. Otherwise compactions and write-back of one contender would slow
 * down the rounds of the next, and it would always be the same contender.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { mountOf } from './disk.js';

const LOOK_EVERY_MS = 50;
/**
 * The disk is quiet after this time without a write. A compaction fills pages for a while before it
 * syncs them.
 */
const QUIET_MS = 150;
/** Upper bound of the wait. */
const WAIT_MS_MAX = 5000;
/**
 * Position of "sectors written" in a line of /proc/diskstats, counted after major, minor and name.
 */
const SECTORS_WRITTEN = 7;

/**
 * Resolves when nothing was written to the disk of `dir` for QUIET_MS, or after WAIT_MS_MAX; at
 * once without /proc.
 */
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
