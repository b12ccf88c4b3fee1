/** The size of one batch of the commit queue. */
import type { Cost } from '../../backpressure.js';

/** The calls of one batch. Bounded, because one event loop turn composes and settles them. */
export class Group {
  bytes = 0;
  calls = 0;
  /** Entries of all calls, plus one for each call. */
  #weight = 0;
  readonly #bytesMax: number;
  readonly #weightMax: number;

  constructor(bytesMax: number, weightMax: number) {
    this.#bytesMax = bytesMax;
    this.#weightMax = weightMax;
  }

  /** True if a call fits into the group; the first call always does. */
  fits({ bytes, entries }: Cost): boolean {
    if (this.bytes > 0 && this.bytes + bytes > this.#bytesMax) return false;
    return this.#weight === 0 || this.#weight + entries < this.#weightMax;
  }

  add({ bytes, entries }: Cost): void {
    this.bytes += bytes;
    this.calls++;
    this.#weight += entries + 1;
  }
}
