/**
 * A complete check of a location, in its own process. The process can be killed at any time, and
 * does not delay requests. It makes its own copy, and removes it.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A message of the process: progress, or the result, which is the last one. */
export type CheckEvent =
  | { readonly kind: 'progress'; readonly phase: string; readonly done: number; readonly total: number }
  | { readonly kind: 'report'; readonly report: object }
  | { readonly kind: 'failed'; readonly failure: object }
  | { readonly kind: 'cancelled' };

/** Milliseconds that a cancelled process has to remove its copy, before it is killed. */
const CANCEL_MS_MAX = 5000;

/** A running check. */
export class Check {
  /** Resolves once the process has ended. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #events: CheckEvent[] = [];
  #wake: () => void = () => undefined;
  #isOver = false;
  #isRunning = true;

  constructor(path: string) {
    const file = fileURLToPath(new URL('check-child.js', import.meta.url));
    this.#child = fork(file, [path], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    this.#child.on('message', (event) => this.#emit(event as CheckEvent));
    this.ended = new Promise((resolve) => {
      const end = (why: string) => {
        this.#isRunning = false;
        const failure = { code: 'LANESTORE_IO', message: why, remedy: 'run the check again', findings: [] };
        this.#emit({ kind: 'failed', failure });
        resolve();
      };
      this.#child.once('error', ({ message }) => end(`the check cannot run: ${message}`));
      this.#child.once('close', (code, signal) => end(`the process of the check ended with ${signal ?? code}`));
    });
  }

  /**
   * All events. Only one reader may call this. The last one is a report, a failure or a
   * cancellation.
   */
  async *events(): AsyncGenerator<CheckEvent, void, void> {
    for (;;) {
      const event = this.#events.shift();
      if (event !== undefined) yield event;
      if (event !== undefined && event.kind !== 'progress') return;
      if (this.#events.length > 0) continue;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Cancels the check; its process removes its copy. */
  cancel(): void {
    if (!this.#isRunning) return;
    this.#emit({ kind: 'cancelled' });
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), CANCEL_MS_MAX);
    void this.ended.then(() => clearTimeout(timer));
  }

  /** As {@link cancel}, but without an event, and without a timer that kills the process. */
  kill(): void {
    if (this.#isRunning) this.#child.kill('SIGTERM');
  }

  #emit(event: CheckEvent): void {
    if (this.#isOver) return;
    this.#isOver = event.kind !== 'progress';
    this.#events.push(event);
    this.#wake();
  }
}
