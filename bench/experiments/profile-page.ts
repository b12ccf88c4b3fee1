/** What profiling measured, as a table. */
import type { Machine } from '../machine.js';
import { digits } from '../stats.js';
import { describe, type Workload } from '../workload.js';

/** Where the time of a contender's rounds went. */
export interface Profile {
  readonly contender: string;
  readonly workload: Workload;
  readonly rounds: number;
  /** Mean, with the profiler running. */
  readonly roundMs: number;
  /** Of the main thread, a round: parts that add up to roundMs. */
  readonly parts: Readonly<Record<string, number>>;
  /** CPU of all other threads: LevelDB's, Node's pool, the garbage collector's. */
  readonly otherThreadsMs: number;
}

/** `profile.json`. */
export interface Profiles {
  readonly format: 1;
  readonly startedAt: string;
  readonly machine: Machine;
  readonly profiles: readonly Profile[];
}

/** A row a part, a column a profile. */
export function profileTable({ profiles }: Profiles): string {
  const parts = [...new Set(profiles.flatMap((one) => Object.keys(one.parts)))];
  const row = (name: string, value: (one: Profile) => number) =>
    `| ${[name, ...profiles.map((one) => `${digits(value(one))} (${Math.round((100 * value(one)) / one.roundMs)} %)`)].join(' | ')} |`;
  return [
    `| ms a round | ${profiles.map(({ contender, workload }) => `${contender}, ${describe(workload)}`).join(' | ')} |`,
    `|---|${profiles.map(() => '---|').join('')}`,
    ...parts.map((part) => row(part, (one) => one.parts[part] ?? 0)),
    row('**round**', ({ roundMs }) => roundMs),
    row('CPU of other threads meanwhile', ({ otherThreadsMs }) => otherThreadsMs),
    '',
  ].join('\n');
}
