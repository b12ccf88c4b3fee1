/** What other processes did with the machine meanwhile (/proc; Linux only). */
import { readFileSync } from 'node:fs';

/**
 * Watches how much of the processors other processes take. In user mode only: what the kernel does by itself (writing back, the
 * journal) it does for the benchmark, and a load average counts threads that wait for a disk as well.
 */
export class Others {
  readonly #since = read();

  /** Cores that other processes kept busy on average since this was made; null where the kernel does not tell. Ended children count as ours. */
  cores(): number | null {
    const [then, now] = [this.#since, read()];
    const cores = Math.max(0, now.machine - then.machine - (now.own - then.own)) / (now.clock - then.clock);
    return Number.isNaN(cores) ? null : cores;
  }
}

/** User time in ticks, of which there are 100 a second: of the whole machine, of this process and its ended children. */
function read(): { machine: number; own: number; clock: number } {
  try {
    const [, user, nice] = (readFileSync('/proc/stat', 'utf8').split('\n')[0] as string).split(/\s+/);
    // Behind the name, which may contain anything: utime is the 12th field, cutime the 14th.
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
