/** How long the event loop was kept busy at a stretch: while it is, a node hears from no peer and no other store of its process goes on. */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** What a turn may take. */
export const TURN_MS_GOAL = 50;

/** A timer of so many milliseconds is watched: figures are at most this much too low. */
const RESOLUTION_MS = 2;

/** Watches the event loop while `work` is done. */
export class LongestTurn {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#delay.enable();
    // Lets the timer fire once: a turn that begins before that has no beginning.
    await new Promise((resolve) => setTimeout(resolve, RESOLUTION_MS * 2));
    try {
      return await work();
    } finally {
      // And once more, after a last long turn.
      await new Promise((resolve) => setTimeout(resolve, RESOLUTION_MS * 2));
      this.#delay.disable();
    }
  }

  /** The longest turn since this was asked the last time, in milliseconds. */
  take(): number {
    const longest = Math.max(0, this.#delay.max / 1e6 - RESOLUTION_MS);
    this.#delay.reset();
    return longest;
  }
}
