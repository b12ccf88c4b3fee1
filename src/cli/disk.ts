/** `lanestore inspect --disk`: a short measurement of the disk of a store. */
import { randomBytes } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LanestoreError } from '../errors.js';
import { onSignal } from './signals.js';

/** The speed of the disk, and the load that a node puts on it. */
export interface DiskReport {
  /** Number of appends that were synced, each with one fdatasync. */
  readonly syncs: number;
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Upper bound of batches a second: batches are sequential, and each has one sync. */
  readonly batchesPerSecondMax: number;
  /** Batches a second that a node wrote during the measurement; null if none. */
  readonly batchesPerSecond: number | null;
  /** Share of the time that syncs of these batches take; above 1 the disk cannot keep up. */
  readonly busyShare: number | null;
  readonly isTooSlow: boolean;
}

/** Share of the time above which the disk is too slow. docs/alerts.yaml has the same value. */
const BUSY_SHARE_MAX = 0.8;
/** Bytes of an append: about the size of a round without large values. */
const APPEND_BYTES = 4096;
const [SYNCS_MIN, SYNCS_MAX, PROBE_MS] = [20, 2000, 2000];

/**
 * Appends to a temporary file next to `location` for about two seconds, and syncs each append, like
 * LevelDB does with its log. `seqNow` reads the newest batch of the store; null if unknown.
 * @throws LANESTORE_IO if the file would be on another disk; the system's error if it cannot be
 * written.
 */
export async function measureDisk(location: string, seqNow: () => Promise<bigint | null>): Promise<DiskReport> {
  const parent = dirname(location);
  if (statSync(parent).dev !== statSync(location).dev)
    throw new LanestoreError('LANESTORE_IO', `${location} is a mount point: a file next to it is on another disk`, {
      remedy: 'leave out --disk, or keep the store in a directory of the mounted disk',
    });
  const [before, startedAt] = [await seqNow(), performance.now()];
  const durations = await syncDurations(join(parent, `.lanestore-disk-${randomBytes(8).toString('hex')}`));
  const seconds = (performance.now() - startedAt) / 1000;
  const after = await seqNow();
  const written = before === null || after === null ? 0 : Number(after - before);
  return reportOf(durations, written === 0 ? null : written / seconds);
}

/** The report for these durations, in milliseconds. */
export function reportOf(durations: readonly number[], batchesPerSecond: number | null): DiskReport {
  const sorted = [...durations].sort((a, b) => a - b);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  const meanMs = durations.reduce((sum, ms) => sum + ms, 0) / durations.length;
  const busyShare = batchesPerSecond === null ? null : (batchesPerSecond * meanMs) / 1000;
  return {
    ...{ syncs: durations.length, meanMs, p50Ms: at(0.5), p99Ms: at(0.99), batchesPerSecondMax: 1000 / meanMs },
    ...{ batchesPerSecond, busyShare, isTooSlow: busyShare !== null && busyShare > BUSY_SHARE_MAX },
  };
}

/** The report as text: a line for the disk and a line for the node. */
export function diskLines(report: DiskReport): readonly [disk: string, node: string] {
  const { syncs, meanMs, p50Ms, p99Ms, batchesPerSecondMax, batchesPerSecond, busyShare, isTooSlow } = report;
  const ms = (value: number) => `${value.toFixed(2)} ms`;
  const disk =
    `one fdatasync takes ${ms(meanMs)} (p50 ${ms(p50Ms)}, p99 ${ms(p99Ms)}; ${syncs} measured): ` +
    `at most ${Math.floor(batchesPerSecondMax)} batches a second`;
  if (batchesPerSecond === null || busyShare === null) return [disk, 'no node wrote to the store meanwhile'];
  const node = `a node wrote ${batchesPerSecond.toFixed(1)} batches a second, ${Math.ceil(busyShare * 100)} % of the disk's time`;
  return [disk, isTooSlow ? `${node}: the disk is too slow for this rate of rounds` : node];
}

async function syncDurations(path: string): Promise<number[]> {
  const remove = () => rmSync(path, { force: true });
  const unregister = onSignal(remove);
  const chunk = randomBytes(APPEND_BYTES);
  const durations: number[] = [];
  try {
    const file = await open(path, 'wx', 0o600);
    try {
      const endsAt = performance.now() + PROBE_MS;
      while (durations.length < SYNCS_MAX && (durations.length < SYNCS_MIN || performance.now() < endsAt)) {
        const startedAt = performance.now();
        await file.write(chunk);
        await file.datasync();
        durations.push(performance.now() - startedAt);
      }
    } finally {
      await file.close();
    }
  } finally {
    remove();
    unregister();
  }
  return durations;
}
