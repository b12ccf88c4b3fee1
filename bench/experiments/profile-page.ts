/** The results of profiling as a table. */
import type { Machine } from '../machine.js';
import { digits } from '../stats.js';
import { describe, type Workload } from '../workload.js';

/** The profile of a contender's rounds. */
export interface Profile {
  readonly contender: string;
  readonly workload: Workload;
  readonly rounds: number;
  /** Mean time of a round while the profiler runs. */
  readonly roundMs: number;
  /** Milliseconds per round of the main thread, by part; they add up to roundMs. */
  readonly parts: Readonly<Record<string, number>>;
  /**
   * CPU milliseconds per round of all other threads: LevelDB, Node's thread pool, garbage
   * collection.
   */
  readonly otherThreadsMs: number;
}

/** The content of `profile.json`. */
export interface Profiles {
  readonly format: 1;
  readonly startedAt: string;
  readonly machine: Machine;
  readonly profiles: readonly Profile[];
}

/** One row per part, one column per profile. */
export function profileTable({ profiles }: Profiles): string {
  const parts = [...new Set(profiles.flatMap((profile) => Object.keys(profile.parts)))];
  const row = (name: string, value: (profile: Profile) => number) =>
    `| ${[name, ...profiles.map((profile) => `${digits(value(profile))} (${Math.round((100 * value(profile)) / profile.roundMs)} %)`)].join(' | ')} |`;
  return [
    `| ms per round | ${profiles.map(({ contender, workload }) => `${contender}, ${describe(workload)}`).join(' | ')} |`,
    `|---|${profiles.map(() => '---|').join('')}`,
    ...parts.map((part) => row(part, (profile) => profile.parts[part] ?? 0)),
    row('**round**', ({ roundMs }) => roundMs),
    row('CPU of other threads', ({ otherThreadsMs }) => otherThreadsMs),
    '',
  ].join('\n');
}
