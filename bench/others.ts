/** CPU use of other processes during a run (/proc; Linux only). */
import { readFileSync } from 'node:fs';

/**
 * Measures the CPU time that other processes use in user mode. Kernel time is excluded: the
 * kernel's own work (write-back, journal) is done for the benchmark. The load average would be
 * misleading, because it includes threads that wait for a disk.
 */
export class Others {
  readonly #since = read();

  /**
   * Average number of cores that other processes used since construction. Ended children of this
   * process are excluded. Null without /proc.
   */
  cores(): number | null {
    const [then, now] = [this.#since, read()];
    const cores = Math.max(0, now.machine - then.machine - (now.own - then.own)) / (now.clock - then.clock);
    return Number.isNaN(cores) ? null : cores;
  }
}

/**
 * User time in ticks (100 per second): of the whole machine, and of this process with its ended
 * children.
 */
function read(): { machine: number; own: number; clock: number } {
  try {
    const [, user, nice] = (readFileSync('/proc/stat', 'utf8').split('\n')[0] as string).split(/\s+/);
    // After the process name, which may contain any character: utime is field 12, cutime is field
    // 14.
    const fields = readFileSync('/proc/self/stat', 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return {
      machine: Number(user) + Number(nice),
      own: Number(fields[11]) + Number(fields[13]),
      clock: performance.now() / 10,
    };
  } catch {
    return { machine: Number.NaN, own: Number.NaN, clock: Number.NaN };
  }
}
