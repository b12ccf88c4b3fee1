/**
 * A database that simulates disk faults on demand: writes that fail before or after they took
 * effect, and completions that are late and out of order. It records forbidden calls of the store;
 * see {@link HeldLevel}.
 */
import { HeldLevel, turns } from '../support/held-level.js';
import type { Random } from '../support/kill.js';

/** When a write fails: before or after all of it was written. */
export type FailPoint = 'before' | 'after';

type Batch = Parameters<HeldLevel['_batch']>;

/** The database of this module. */
export class FaultyLevel extends HeldLevel {
  readonly #random: Random;
  readonly #turnsMax: number;
  #failing: { readonly at: number; readonly point: FailPoint } | undefined;
  #inFlight = 0;

  /** Completions take up to `turnsMax` turns of the event loop. */
  constructor(random: Random, turnsMax: number) {
    super();
    this.#random = random;
    this.#turnsMax = turnsMax;
  }

  /**
   * The `n`-th write from now (from 0) fails; later writes succeed, as on a full disk that has
   * space again.
   */
  failNth(n: number, point: FailPoint): void {
    this.#failing = { at: this.batches.length + n, point };
  }

  override async _batch(...[operations, options]: Batch): Promise<void> {
    const number = this.batches.length;
    const point = this.#failing?.at === number ? this.#failing.point : undefined;
    if (this.#inFlight++ > 0) this.violations.push(`batch ${number} began while another one was in flight`);
    try {
      await turns(this.#random.int(0, this.#turnsMax + 1));
      if (point === 'before') {
        this.batches.push([]);
        throw new Error('no space left on device');
      }
      await super._batch(operations, options);
      await turns(this.#random.int(0, this.#turnsMax + 1));
      if (point === 'after') throw new Error('input/output error');
    } finally {
      this.#inFlight--;
    }
  }
}
