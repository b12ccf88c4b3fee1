/** Steps of a log, or of several, a few at a time. */
import { WaitList } from '../../base/waiters.js';

/** A bound on how many steps are under way at once; the others wait in the order in which they came. */
export class Slots {
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
