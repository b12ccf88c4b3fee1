/** Child processes that a test starts, reads from and kills; and reproducible random numbers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A forgotten child is killed after this time; no test waits for it on purpose. */
const HANG_MS = 120_000;

/** A running child. */
export interface Child {
  readonly process: ChildProcess;
  /** All complete lines of its standard output so far. */
  readonly lines: readonly string[];
  /**
   * Resolves with the first line, past or future, that satisfies `wanted`; undefined if the child
   * ends without it.
   */
  line(wanted: (line: string) => boolean): Promise<string | undefined>;
  /** Resolves when the child has ended and all of its output was read. */
  readonly ended: Promise<ChildEnd>;
}

/** How a child ended. */
export interface ChildEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stderr: string;
}

/**
 * Starts a compiled worker file with Node.js: `spawnWorker(new URL('./worker.js', import.meta.url),
 * ['arg'])`; `env` extends this process's environment.
 */
export function spawnWorker(
  file: URL,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
  hangMs = HANG_MS,
): Child {
  const options = { stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } };
  const child = spawn(process.execPath, [fileURLToPath(file), ...args], options);
  const lines: string[] = [];
  let waiters: { wanted: (line: string) => boolean; resolve: (line: string | undefined) => void }[] = [];
  let rest = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) {
      lines.push(line);
      waiters = waiters.filter(({ wanted, resolve }) => {
        const found = wanted(line);
        if (found) resolve(line);
        return !found;
      });
    }
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const hang = setTimeout(() => child.kill('SIGKILL'), hangMs);
  const ended = new Promise<ChildEnd>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(hang);
      for (const waiter of waiters.splice(0)) waiter.resolve(undefined);
      resolve({ code, signal, stderr });
    });
  });
  const line = (wanted: (line: string) => boolean) => {
    const past = lines.find(wanted);
    if (past !== undefined) return Promise.resolve(past);
    if (child.exitCode !== null || child.signalCode !== null) return ended.then(() => lines.find(wanted));
    return new Promise<string | undefined>((resolve) => waiters.push({ wanted, resolve }));
  };
  return { process: child, lines, line, ended };
}

/** Runs a worker to its end. */
export async function runWorker(
  file: URL,
  args: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
  hangMs = HANG_MS,
): Promise<ChildEnd & { lines: readonly string[] }> {
  const child = spawnWorker(file, args, env, hangMs);
  return { ...(await child.ended), lines: child.lines };
}

/**
 * Random numbers from a seed (mulberry32): the same seed gives the same numbers in every process.
 */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** A whole number in [from, to). */
  int(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from));
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.next() * n < 1;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length)] as T;
  }
}

/** A seed for this run: LANESTORE_TEST_SEED, or a new one. Print it when a test fails. */
export function testSeed(): number {
  const given = process.env.LANESTORE_TEST_SEED;
  return given === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(given);
}

/**
 * Kills children at random moments of their work, however fast the machine is: the window starts at
 * `windowMs` and is halved whenever a child ended before its kill.
 */
export class RandomKills {
  /** The children that ended by the signal. */
  killed = 0;
  readonly #random: Random;
  #windowMs: number;

  constructor(random: Random, windowMs: number) {
    this.#random = random;
    this.#windowMs = windowMs;
  }

  /**
   * Kills `child` some time after it has printed "begin", and resolves with whether that was before
   * its end.
   */
  async kill(child: Child): Promise<boolean> {
    await child.line((line) => line === 'begin');
    await new Promise((resolve) => setTimeout(resolve, this.#random.int(0, this.#windowMs)));
    child.process.kill('SIGKILL');
    const hit = (await child.ended).signal === 'SIGKILL';
    if (hit) this.killed++;
    else this.#windowMs = Math.floor(this.#windowMs / 2);
    return hit;
  }

  /** Whether to start one more child: `runs` in any case, up to ten times as many until `found`. */
  again(run: number, runs: number, found = this.killed > 0): boolean {
    return run < runs || (!found && run < 10 * runs);
  }
}
