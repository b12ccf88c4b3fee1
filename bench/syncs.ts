/**
 * Counts the syncs of a contender's rounds in a separate run under strace, independent of what the
 * contender itself reports. Counted are fsync, fdatasync, msync, and each write to a file that is
 * open with O_DSYNC or O_SYNC, such as the value files of the store.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ContenderKind } from './contenders/contender.js';
import { Host } from './host.js';
import { MARK_BEGIN, MARK_END } from './marks.js';
import type { Workload } from './workload.js';

const TRACED = 'trace=fsync,fdatasync,msync,?open,openat,write,writev,pwrite64,pwritev,?access,?faccessat,?faccessat2';

/** Average number of syncs per round, by kind. */
export interface SyncCounts {
  readonly fsyncs: number;
  readonly fdatasyncs: number;
  /** Memory that was written to its file and synced. */
  readonly msyncs: number;
  /** Writes that are synced when they return. */
  readonly syncedWrites: number;
  readonly rounds: number;
}

/** All syncs of a round. */
export function syncsPerRound({ fsyncs, fdatasyncs, msyncs, syncedWrites }: SyncCounts): number {
  return fsyncs + fdatasyncs + msyncs + syncedWrites;
}

let strace: Promise<boolean> | undefined;

/** Resolves with true if strace works here. */
export function canTrace(): Promise<boolean> {
  strace ??= promisify(execFile)('strace', ['-o', '/dev/null', '-e', TRACED, 'true']).then(
    () => true,
    () => false,
  );
  return strace;
}

/** Fills the lanes, then counts the syncs of `rounds` rounds. Creates `dir` and removes it. */
export async function countSyncs(
  kind: ContenderKind,
  workload: Workload,
  seed: number,
  rounds: number,
  dir: string,
): Promise<SyncCounts> {
  mkdirSync(dir, { recursive: true });
  const trace = join(dir, 'trace');
  const data = join(dir, 'data');
  mkdirSync(data);
  const host = new Host(kind.env, ['strace', '-f', '-y', '-qq', '--seccomp-bpf', '-o', trace, '-e', TRACED]);
  try {
    const { roundsToFill } = await host.open(kind.name, data, workload, seed);
    await host.run(roundsToFill, roundsToFill, 0);
    await host.run(rounds, rounds, 0, { marked: true });
    await host.close();
    await host.end();
    return { ...countIn(readFileSync(trace, 'utf8'), rounds), rounds };
  } finally {
    await host.end();
    rmSync(dir, { recursive: true, force: true });
  }
}

/**
 * Counts the calls between the marks, per round. A call that another thread interrupts has two
 * lines; only its first counts.
 */
export function countIn(trace: string, rounds: number): Omit<SyncCounts, 'rounds'> {
  const begin = trace.indexOf(`"${MARK_BEGIN}"`);
  const end = trace.indexOf(`"${MARK_END}"`);
  if (begin < 0 || end < begin) throw new Error('the trace does not show the marks');
  const part = trace.slice(begin, end);
  const count = (call: string) => (part.split(new RegExp(`^\\d+ +${call}`, 'm')).length - 1) / rounds;
  return {
    fsyncs: count('fsync\\('),
    fdatasyncs: count('fdatasync\\('),
    msyncs: count('msync\\('),
    syncedWrites: syncedWrites(trace.slice(0, end), part) / rounds,
  };
}

/**
 * Number of writes in `part` whose descriptor is open with O_DSYNC or O_SYNC. Value files are
 * recognised by name, because another thread can interrupt the line of their open.
 */
function syncedWrites(upToEnd: string, part: string): number {
  const synced = new Set<string>();
  for (const [, file = ''] of upToEnd.matchAll(/^\d+ +open(?:at)?\(.*\bO_D?SYNC\b.* = (\d+<[^>]*>)/gm)) {
    synced.add(file);
  }
  let writes = 0;
  for (const [, file = ''] of part.matchAll(/^\d+ +p?write(?:64|v)?\((\d+<[^>]*>)/gm)) {
    if (synced.has(file) || /\.(?:values|preparing)>$/.test(file)) writes++;
  }
  return writes;
}
