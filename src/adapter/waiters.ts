/** Calls of `ready` that wait: for all of them to resolve, or to be told why they will not. */
import { LanestoreError } from '../errors.js';

/** Calls of `ready` that may wait; those beyond are LANESTORE_CAPACITY themselves. */
export const WAITERS_MAX = 65_536;

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** A list of those who wait for the same thing. */
export class Waiters {
  #waiters: Waiter[] = [];

  /** How many wait. */
  get count(): number {
    return this.#waiters.length;
  }

  /** Waits for {@link release}. Rejects with the signal's reason, with what {@link refuse} is given, or with LANESTORE_CAPACITY. */
  async wait(signal?: AbortSignal): Promise<void> {
    if (this.#waiters.length >= WAITERS_MAX) {
      throw new LanestoreError('LANESTORE_CAPACITY', `${WAITERS_MAX} calls of ready() wait already`);
    }
    let abort = () => {};
    try {
      await new Promise<void>((resolve, reject) => {
        const waiter = { resolve, reject };
        this.#waiters.push(waiter);
        abort = () => {
          this.#waiters = this.#waiters.filter((other) => other !== waiter);
          reject(signal?.reason);
        };
        signal?.addEventListener('abort', abort, { once: true });
      });
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** What they waited for is there. */
  release(): void {
    for (const waiter of this.#waiters.splice(0)) waiter.resolve();
  }

  /** It will never be there. */
  refuse(error: LanestoreError): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }
}
