/** Starts a worker process and sends it requests. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { onSignal } from '../src/cli/signals.js';
import type { Answer, Figures, Request, Restarted, Slice } from './protocol.js';
import type { Workload } from './workload.js';

const WORKER = fileURLToPath(new URL('worker.js', import.meta.url));

/** A worker process and its requests. One request at a time. */
export class Host {
  readonly #child: ChildProcess;
  #exited = false;

  /**
   * @param env is added to this process's environment.
   * @param under is a command that runs the worker, such as a tracer; it must pass on file
   * descriptors.
   */
  constructor(env: Readonly<Record<string, string>> = {}, under: readonly string[] = []) {
    const [command = process.execPath, ...args] = [...under, process.execPath, WORKER];
    this.#child = spawn(command, args, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      env: { ...process.env, ...env },
    });
    const forget = onSignal(() => this.#child.kill('SIGKILL'));
    this.#child.once('exit', () => {
      this.#exited = true;
      forget();
    });
  }

  async open(contender: string, dir: string, workload: Workload, seed: number): Promise<{ roundsToFill: number }> {
    return (await this.#ask({ kind: 'open', contender, dir, workload, seed })) as { roundsToFill: number };
  }

  /**
   * Runs at least `roundsMin` rounds, then stops after `roundsMax` rounds or `msMax` milliseconds.
   */
  async run(
    roundsMin: number,
    roundsMax: number,
    msMax: number,
    { marked = false, inFlight = 1 }: { readonly marked?: boolean; readonly inFlight?: number } = {},
  ): Promise<Slice> {
    return (await this.#ask({ kind: 'run', roundsMin, roundsMax, msMax, inFlight, marked })) as Slice;
  }

  /** Runs rounds without a measurement. The figures contain them. */
  async fill(rounds: number): Promise<void> {
    await this.#ask({ kind: 'fill', rounds });
  }

  async figures(): Promise<Figures> {
    return (await this.#ask({ kind: 'figures' })) as Figures;
  }

  /** Resolves with undefined for a contender that cannot be reopened. */
  async restart(contender: string, dir: string): Promise<Restarted | undefined> {
    return (await this.#ask({ kind: 'restart', contender, dir })) as Restarted | undefined;
  }

  async close(): Promise<void> {
    await this.#ask({ kind: 'close' });
  }

  /** Ends the process; resolves when it has exited. */
  async end(): Promise<void> {
    if (this.#exited) return;
    const exited = once(this.#child, 'exit');
    if (this.#child.connected) this.#child.disconnect();
    await exited;
  }

  async #ask(request: Request): Promise<unknown> {
    if (this.#exited) throw new Error('the worker has ended');
    const { promise, resolve, reject } = withResolvers<Answer>();
    const onExit = (code: number | null) => reject(new Error(`the worker ended with ${code} during "${request.kind}"`));
    this.#child.once('message', resolve);
    this.#child.once('exit', onExit);
    try {
      this.#child.send(request);
      const answer = await promise;
      if ('error' in answer) throw new Error(answer.error);
      return answer.value;
    } finally {
      this.#child.off('message', resolve);
      this.#child.off('exit', onExit);
    }
  }
}

/** `Promise.withResolvers`, which Node 20 does not have. */
function withResolvers<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((res, rej) => {
    resolve = res;
    reject = rej;
  });
  return { promise, resolve, reject };
}
