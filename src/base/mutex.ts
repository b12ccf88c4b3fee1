/** Steps that exclude each other, or of which only a few run at a time. */
import { WaitList } from './waiters.js';

/** Steps that run one after another, in the order in which they were asked for. */
export class Mutex {
  #tail: Promise<unknown> = Promise.resolve();
  #count = 0;

  /** Steps that were asked for until now. */
  get count(): number {
    return this.#count;
  }

  /** Runs `step` when all earlier ones have settled, however they did. */
  run<T>(step: () => Promise<T>): Promise<T> {
    this.#count++;
    const done = this.#tail.then(step);
    this.#tail = done.catch(() => undefined);
    return done;
  }

  /** Resolves when all that was asked for until now has settled. Never rejects. */
  async idle(): Promise<void> {
    await this.#tail;
  }
}

/** A bound on how many steps are under way at once; the others wait in the order in which they came. */
export class Semaphore {
  readonly #max: number;
  /** Steps are bounded where they are accepted. */
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
