/**
 * The longest turn of the event loop. During a turn a node handles no message, and no other store
 * of the process makes progress.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

/** Longest acceptable turn in milliseconds. */
export const TURN_MS_GOAL = 50;

/** Period of the sampling timer in milliseconds: results are at most this much too low. */
const RESOLUTION_MS = 2;

/** Measures the turns of the event loop while `work` runs. */
export class LongestTurn {
  readonly #delay: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#delay.enable();
    // The timer must fire once first: a turn that begins earlier has no start time.
    await new Promise((resolve) => setTimeout(resolve, RESOLUTION_MS * 2));
    try {
      return await work();
    } finally {
      // The timer must fire once after the last turn, or that turn is not recorded.
      await new Promise((resolve) => setTimeout(resolve, RESOLUTION_MS * 2));
      this.#delay.disable();
    }
  }

  /** The longest turn since the last call, in milliseconds. */
  take(): number {
    const longest = Math.max(0, this.#delay.max / 1e6 - RESOLUTION_MS);
    this.#delay.reset();
    return longest;
  }
}
