/** Runs asynchronous steps one at a time, or a bounded number at a time. */
import { WaitList } from './waiters.js';

/** Runs steps one after another, in the order of the calls. */
export class Mutex {
  #tail: Promise<unknown> = Promise.resolve();
  #count = 0;

  /** Number of steps submitted so far. */
  get count(): number {
    return this.#count;
  }

  /** Runs `step` after all earlier ones have settled, also if they failed. */
  run<T>(step: () => Promise<T>): Promise<T> {
    this.#count++;
    const done = this.#tail.then(step);
    this.#tail = done.catch(() => undefined);
    return done;
  }

  /** Resolves when all steps submitted so far have settled. Never rejects. */
  async idle(): Promise<void> {
    await this.#tail;
  }
}

/** Bounds the number of steps in progress; further steps wait in the order of the calls. */
export class Semaphore {
  readonly #max: number;
  /** Unbounded: the callers bound their number of steps. */
  readonly #waiting = new WaitList('steps', Number.POSITIVE_INFINITY);
  #taken = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /** Runs `step` when there is a slot. */
  async run<T>(step: () => Promise<T>): Promise<T> {
    if (this.#taken < this.#max) this.#taken++;
    else await this.#waiting.wait();
    try {
      return await step();
    } finally {
      if (!this.#waiting.releaseFirst()) this.#taken--;
    }
  }
}
