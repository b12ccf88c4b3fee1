/**
 * Divides long work on the main thread over turns of the event loop, by the amount of work: the
 * same division on every machine.
 */

/**
 * Counts work in units of the caller's choice, mostly bytes. All users of an instance share one
 * allowance for each turn.
 *
 *     if (turns.spend(bytes)) await turns.next();
 */
export class Turns {
  readonly #unitsMax: number;
  #spent = 0;
  #next: Promise<void> | undefined;

  /** `unitsMax`: the work of one turn. The step that exceeds it is the last one of its turn. */
  constructor(unitsMax: number) {
    this.#unitsMax = unitsMax;
  }

  /**
   * Counts finished work. True if the allowance of this turn is used up: the caller must await
   * {@link next}.
   */
  spend(units: number): boolean {
    this.#spent += units;
    return this.#spent >= this.#unitsMax;
  }

  /** Resolves in a turn with allowance left: immediately, if this turn has some. */
  async next(): Promise<void> {
    // Other callers that waited for the same turn may have used its allowance.
    while (this.#spent >= this.#unitsMax) {
      this.#next ??= this.#begin();
      await this.#next;
    }
  }

  #begin(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#spent = 0;
        this.#next = undefined;
        resolve();
      });
    });
  }
}
