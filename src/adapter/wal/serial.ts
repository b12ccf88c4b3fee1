/** Steps of one log, or of one pair of files: one after another, in the order in which they were asked for. */
export class Serial {
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
