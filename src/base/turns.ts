/** Long work on the main thread, divided over turns of the event loop by the amount of work: the same on every machine. */

/**
 * Counts work in units that the caller chooses (most often bytes). All who share an instance share one allowance a turn.
 *
 *     if (turns.spend(bytes)) await turns.next();
 */
export class Turns {
  readonly #unitsMax: number;
  #spent = 0;
  #next: Promise<void> | undefined;

  /** `unitsMax`: the work of one turn. The step that goes over it is the last one of its turn. */
  constructor(unitsMax: number) {
    this.#unitsMax = unitsMax;
  }

  /** Counts work that was done. True if this turn has had its share: then the caller awaits {@link next}. */
  spend(units: number): boolean {
    this.#spent += units;
    return this.#spent >= this.#unitsMax;
  }

  /** Resolves in a turn that has work left to give, at once if this one has. */
  async next(): Promise<void> {
    // Others that waited for the same turn may have spent it already.
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
