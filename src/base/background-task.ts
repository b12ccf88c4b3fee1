/** Work in the background of a store. */

/** What a {@link BackgroundTask} does in one run. It never rejects: a failure is the owner's to handle. */
export type BackgroundRun = () => Promise<void>;

/** How a {@link BackgroundTask} goes on. */
export interface BackgroundTaskOptions {
  /** Look for the next run as soon as one has ended (default), or wait for a kick. */
  readonly repeats?: boolean;
}

/** At most one run at a time, begun by {@link kick}, ended by {@link stop}. */
export class BackgroundTask {
  readonly #next: () => BackgroundRun | undefined;
  readonly #repeats: boolean;
  #running: Promise<void> | undefined;
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;

  /** `next`: the run to begin now, or undefined if there is nothing to do. Called while none is under way. */
  constructor(next: () => BackgroundRun | undefined, { repeats = true }: BackgroundTaskOptions = {}) {
    this.#next = next;
    this.#repeats = repeats;
  }

  /** True once {@link halt} or {@link stop} was called: a run ends at its next step. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** The run under way, if there is one. */
  get running(): Promise<void> | undefined {
    return this.#running;
  }

  /**
   * Begins a run, unless one is under way, there is nothing to do, or the task has stopped. Cheap: called
   * after every batch.
   */
  kick(): void {
    if (this.#running !== undefined || this.#isStopped) return;
    const run = this.#next();
    if (run === undefined) return;
    this.#running = run().finally(() => {
      this.#running = undefined;
      if (this.#repeats) this.kick();
    });
  }

  /** {@link kick} in `ms` milliseconds, unless one is due already. `keepsAlive`: the process does not end before. */
  kickAfter(ms: number, keepsAlive = false): void {
    if (this.#timer !== undefined || this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.kick();
    }, ms);
    if (!keepsAlive) this.#timer.unref();
  }

  /** Begins no further run. For a run that failed, which cannot wait for itself. */
  halt(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** The same, and resolves when the run under way has ended. */
  async stop(): Promise<void> {
    this.halt();
    await this.#running;
  }
}
