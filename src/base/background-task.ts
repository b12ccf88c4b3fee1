/** Background work of a store, one run at a time. */

/** One run of a {@link BackgroundTask}. Must not reject: it handles its own failures. */
export type BackgroundRun = () => Promise<void>;

/** Options of a {@link BackgroundTask}. */
export interface BackgroundTaskOptions {
  /**
   * True (default): after each run, begin the next one if there is work. False: wait for a kick.
   */
  readonly repeats?: boolean;
}

/** Runs work, at most one run at a time. {@link kick} begins a run, {@link stop} ends it. */
export class BackgroundTask {
  readonly #next: () => BackgroundRun | undefined;
  readonly #repeats: boolean;
  #running: Promise<void> | undefined;
  #isStopped = false;
  #timer: NodeJS.Timeout | undefined;

  /**
   * `next` returns the run to begin now, or undefined if there is nothing to do. Called only while
   * no run is in progress.
   */
  constructor(next: () => BackgroundRun | undefined, { repeats = true }: BackgroundTaskOptions = {}) {
    this.#next = next;
    this.#repeats = repeats;
  }

  /** True after {@link halt} or {@link stop}: a run must end at its next step. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** The run in progress, if there is one. */
  get running(): Promise<void> | undefined {
    return this.#running;
  }

  /**
   * Begins a run, unless one is in progress, there is nothing to do, or the task has stopped.
   * Cheap: called after every batch.
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

  /**
   * Calls {@link kick} after `ms` milliseconds, unless a timer is set already. `keepsAlive`: the
   * timer keeps the process alive.
   */
  kickAfter(ms: number, keepsAlive = false): void {
    if (this.#timer !== undefined || this.#isStopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.kick();
    }, ms);
    if (!keepsAlive) this.#timer.unref();
  }

  /**
   * Prevents further runs. A failed run calls this instead of {@link stop}, which would wait for
   * the run.
   */
  halt(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Prevents further runs, and resolves when the run in progress has ended. */
  async stop(): Promise<void> {
    this.halt();
    await this.#running;
  }
}
