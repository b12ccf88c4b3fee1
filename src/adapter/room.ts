/** How much may wait to be written: what a store refuses with LANESTORE_CAPACITY, and when `ready` resolves. */
import { LanestoreError } from '../errors.js';

/** Bounds of what a store takes at a time. */
export interface LimitOptions {
  /** Bytes of a round, encoded, beyond which it is LANESTORE_INVALID. Default 256 MiB: some 120 blocks of the largest kind. */
  readonly maxRoundBytes?: number | undefined;
  /** Bytes that may wait to be written before a round is LANESTORE_CAPACITY. Default 256 MiB. */
  readonly maxQueuedBytes?: number | undefined;
}

/** Limits, in bytes of encoded entries. */
export interface RoomLimits {
  /** A single round larger than this is refused. */
  readonly roundBytesMax: number;
  /** A round is refused while this much waits, unless nothing waits. */
  readonly queuedBytesMax: number;
}

const DEFAULT_BYTES = 256 * 1024 * 1024;

/** The limits that the options ask for. @throws LANESTORE_INVALID, or a TypeError, for one that is no positive whole number. */
export function roomLimits(options: LimitOptions): RoomLimits {
  return {
    roundBytesMax: positiveBytes('maxRoundBytes', options.maxRoundBytes ?? DEFAULT_BYTES),
    queuedBytesMax: positiveBytes('maxQueuedBytes', options.maxQueuedBytes ?? DEFAULT_BYTES),
  };
}

/** Checks an option that is a number of bytes. @throws LANESTORE_INVALID, TypeError. */
export function positiveBytes(name: string, value: number): number {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number, got ${typeof value}`);
  if (!Number.isSafeInteger(value) || value <= 0) {
    throw new LanestoreError('LANESTORE_INVALID', `${name} must be a positive whole number of bytes, got ${value}`);
  }
  return value;
}

interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Counts what was accepted and waits. */
export class Room {
  readonly #limits: RoomLimits;
  #bytes = 0;
  /** The largest round that was refused since there was room the last time: `ready` waits until it fits. */
  #refusedBytes = 0;
  #waiters: Waiter[] = [];

  constructor(limits: RoomLimits) {
    this.#limits = limits;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes a round in. @throws LANESTORE_INVALID for one that never fits, LANESTORE_CAPACITY for one that does not fit now. */
  enter(bytes: number): void {
    const { roundBytesMax, queuedBytesMax } = this.#limits;
    if (bytes > roundBytesMax) {
      throw new LanestoreError(
        'LANESTORE_INVALID',
        `the round has ${bytes} bytes, more than maxRoundBytes = ${roundBytesMax}; split it`,
      );
    }
    if (!this.#fits(bytes)) {
      this.#refusedBytes = Math.max(this.#refusedBytes, bytes);
      throw new LanestoreError(
        'LANESTORE_CAPACITY',
        `${this.#bytes} bytes wait to be written; with ${bytes} more they would be over ${queuedBytesMax}: wait for ready()`,
      );
    }
    this.#bytes += bytes;
  }

  /** Lets what entered out again, and tells those who wait if there is room now. */
  leave(bytes: number): void {
    this.#bytes -= bytes;
    if (!this.#hasRoom()) return;
    this.#refusedBytes = 0;
    for (const waiter of this.#waiters.splice(0)) waiter.resolve();
  }

  /**
   * Resolves when no more than half of the limit waits, and the largest refused round fits. Rejects with the signal's reason, or with
   * what {@link refuse} was given.
   */
  async ready(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#hasRoom()) return;
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

  /** Rejects those who wait: there will be no room again. */
  refuse(error: LanestoreError): void {
    for (const waiter of this.#waiters.splice(0)) waiter.reject(error);
  }

  #fits(bytes: number): boolean {
    return this.#bytes === 0 || bytes === 0 || this.#bytes + bytes <= this.#limits.queuedBytesMax;
  }

  #hasRoom(): boolean {
    return this.#bytes <= this.#limits.queuedBytesMax / 2 && this.#fits(this.#refusedBytes);
  }
}
