/** The bounds of what a store takes; how much may wait to be written, and when `ready` resolves. */
import { byteCount, type Checks, count } from '../base/options.js';
import { WaitList } from '../base/waiters.js';
import { LanestoreError } from '../errors.js';
import { meter } from '../metrics/channel.js';

/** Bounds of what a store takes at a time. */
export interface LimitOptions {
  /** Bytes of a round, encoded, beyond which it is LANESTORE_INVALID. Default 256 MiB: some 120 blocks of the largest kind. */
  readonly maxRoundBytes?: number | undefined;
  /** Bytes that may wait to be written before a round is LANESTORE_CAPACITY. Default 256 MiB. */
  readonly maxQueuedBytes?: number | undefined;
  /** Bytes of a single encoded entry beyond which its round is LANESTORE_INVALID. Default 16 MiB: eight of the largest blocks. */
  readonly maxRecordBytes?: number | undefined;
}

/** Bounds of what the planner lets in. */
export interface PlanLimitOptions {
  /** Bytes of a round's `inner` beyond which it is LANESTORE_INVALID. It is rewritten with every round that has one. Default 1 MiB. */
  readonly maxInnerBytes?: number | undefined;
  /**
   * Lanes that a store has cursors for, emptied ones included, beyond which the first block of a new one is LANESTORE_INVALID: drop those that
   * left the committee. The cursors of all lanes are written with every batch, some 70 bytes each. A store that has more already
   * opens, and takes no new ones. Default 1024: some ten committees of the largest kind.
   */
  readonly maxLanes?: number | undefined;
  /**
   * Blocks and CommitQCs of a call, beyond which it is LANESTORE_INVALID: they are encoded in one turn of the event loop, and as many are
   * merged into one batch. Default 8192, some 30 to 50 ms of tiny blocks.
   */
  readonly maxRoundEntries?: number | undefined;
}

/** What each of {@link LimitOptions} must be. */
export const LIMIT_CHECKS: Checks<LimitOptions> = {
  maxRoundBytes: byteCount,
  maxQueuedBytes: byteCount,
  maxRecordBytes: byteCount,
};

/** What each of {@link PlanLimitOptions} must be. */
export const PLAN_LIMIT_CHECKS: Checks<PlanLimitOptions> = {
  maxInnerBytes: byteCount,
  maxLanes: count,
  maxRoundEntries: count,
};

/** The bounds of {@link PlanLimitOptions}, checked. */
export interface PlanLimits {
  readonly innerBytesMax: number;
  readonly lanesMax: number;
  readonly roundEntriesMax: number;
}

/** Limits, in bytes of encoded entries. */
export interface RoomLimits {
  /** A single round larger than this is refused. */
  readonly roundBytesMax: number;
  /** A round is refused while this much waits, unless nothing waits. */
  readonly queuedBytesMax: number;
  /** A round with a single entry larger than this is refused. */
  readonly recordBytesMax: number;
}

const MIB = 1024 * 1024;
const DEFAULT_BYTES = 256 * MIB;
const RECORD_BYTES = 16 * MIB;
const INNER_BYTES = MIB;
const LANES = 1024;
/** Default of {@link PlanLimitOptions.maxRoundEntries}. */
export const ROUND_ENTRIES = 8192;

/** Calls that may wait, however small: each keeps some hundreds of bytes of memory. Beyond, they are LANESTORE_CAPACITY. */
export const CALLS_MAX = 65_536;

/** The limits that the options ask for. @throws LANESTORE_INVALID, or a TypeError, for one that is no positive whole number. */
export function roomLimits(options: LimitOptions): RoomLimits {
  return {
    roundBytesMax: byteCount(options.maxRoundBytes ?? DEFAULT_BYTES, 'maxRoundBytes'),
    queuedBytesMax: byteCount(options.maxQueuedBytes ?? DEFAULT_BYTES, 'maxQueuedBytes'),
    recordBytesMax: byteCount(options.maxRecordBytes ?? RECORD_BYTES, 'maxRecordBytes'),
  };
}

/** The limits that the options ask for. @throws as {@link roomLimits}. */
export function planLimits(options: PlanLimitOptions): PlanLimits {
  return {
    innerBytesMax: byteCount(options.maxInnerBytes ?? INNER_BYTES, 'maxInnerBytes'),
    lanesMax: count(options.maxLanes ?? LANES, 'maxLanes'),
    roundEntriesMax: count(options.maxRoundEntries ?? ROUND_ENTRIES, 'maxRoundEntries'),
  };
}

/** Refuses an encoded entry that is too large. @throws LANESTORE_INVALID. */
export function checkRecordBytes(what: string, bytes: number, max: number): void {
  if (bytes <= max) return;
  throw new LanestoreError('LANESTORE_INVALID', `${what} has ${bytes} bytes, more than maxRecordBytes = ${max}`);
}

/** Counts what was accepted and waits. */
export class QueueBudget {
  readonly #limits: RoomLimits;
  #bytes = 0;
  #calls = 0;
  /** The largest round that was refused since there was room the last time: `ready` waits until it fits. */
  #refusedBytes = 0;
  readonly #waiters = new WaitList('calls of ready()');

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
    if (this.#calls >= CALLS_MAX) {
      throw new LanestoreError('LANESTORE_CAPACITY', `${this.#calls} calls wait to be written: wait for ready()`);
    }
    this.#bytes += bytes;
    this.#calls++;
    meter('lanestore_encoded_bytes_total', bytes);
    meter('lanestore_queue_bytes', this.#bytes);
  }

  /** Lets out again what entered in `calls` calls, and tells those who wait if there is room now. */
  leave(bytes: number, calls = 1): void {
    this.#bytes -= bytes;
    this.#calls -= calls;
    meter('lanestore_queue_bytes', this.#bytes);
    if (!this.#hasRoom()) return;
    this.#refusedBytes = 0;
    this.#waiters.release();
  }

  /**
   * Resolves when no more than half of the limit waits, and the largest refused round fits. Rejects with the signal's reason, or with
   * what {@link refuse} was given; with LANESTORE_CAPACITY when too many wait already.
   */
  async ready(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#hasRoom()) return;
    await this.#waiters.wait(signal);
  }

  /** Rejects those who wait: there will be no room again. */
  refuse(error: LanestoreError): void {
    this.#waiters.refuse(error);
  }

  #fits(bytes: number): boolean {
    return this.#bytes === 0 || bytes === 0 || this.#bytes + bytes <= this.#limits.queuedBytesMax;
  }

  #hasRoom(): boolean {
    return (
      this.#bytes <= this.#limits.queuedBytesMax / 2 && this.#calls <= CALLS_MAX / 2 && this.#fits(this.#refusedBytes)
    );
  }
}
