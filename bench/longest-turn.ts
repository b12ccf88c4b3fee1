/**
 * The longest turn of the event loop. During a turn a node handles no message, and no other store
 * of the process makes progress.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** Longest acceptable turn in milliseconds. */
export const TURN_MS_GOAL = 50;

/** Period of the sampling timer in milliseconds: results are at most this much too low. */
const RESOLUTION_MS = 2;

/** Measures the turns of the event loop while `work` runs. */
export class LongestTurn {
  #longestMs = 0;

  async during<T>(work: () => Promise<T>): Promise<T> {
    // A monitor that is enabled again counts the time in which it was disabled as a turn.
    const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    delay.enable();
    // The timer must fire once first: a turn that begins earlier has no start time.
    await new Promise((resolve) => setTimeout(resolve, RESOLUTION_MS * 2));
    try {
      return await work();
    } finally {
      // The timer must fire once after the last turn, or that turn is not recorded.
      await new Promise((resolve) => setTimeout(resolve, RESOLUTION_MS * 2));
      delay.disable();
      this.#longestMs = Math.max(this.#longestMs, delay.max / 1e6 - RESOLUTION_MS);
    }
  }

  /** The longest turn since the last call, in milliseconds. */
  take(): number {
    const longest = this.#longestMs;
    this.#longestMs = 0;
    return longest;
  }
}
