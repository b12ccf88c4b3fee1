/**
 * Counts the syncs of a contender's rounds in a separate run under strace, independent of what the
 * contender itself reports. Counted are fsync, fdatasync, and each write to a value file of the
 * store, because value files are open with O_DSYNC.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ContenderKind } from './contenders/contender.js';
import { Host } from './host.js';
import { MARK_BEGIN, MARK_END } from './marks.js';
import type { Workload } from './workload.js';

const TRACED = 'trace=fsync,fdatasync,pwrite64,pwritev,?access,?faccessat,?faccessat2';

/** Average number of syncs per round, by kind. */
export interface SyncCounts {
  readonly fsyncs: number;
  readonly fdatasyncs: number;
  /** Writes that are synced when they return. */
  readonly syncedWrites: number;
  readonly rounds: number;
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
    syncedWrites: count('pwrite(?:64|v)\\(\\d+<[^>]*\\.(?:values|preparing)>'),
  };
}
