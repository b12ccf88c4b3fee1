/**
 * The admission gate of every backend: the maximum size of a call, the maximum of what may wait to
 * be written, and when `ready` resolves. A call beyond a bound is refused as a whole, and nothing
 * of it is stored.
 */
import { byteCount, type Checks, count } from '../base/options.js';
import { throwIfAborted, WaitList } from '../base/waiters.js';
import { LanestoreError } from '../errors.js';
import type { LaneId } from '../keys/index.js';
import { meter } from '../metrics/channel.js';
import type { LogPlans } from './planner.js';

/** Bounds of rounds and of the queue. */
export interface LimitOptions {
  /**
   * Bytes of an encoded round; more is LANESTORE_INVALID. Default 256 MiB: about 120 of the largest
   * blocks.
   */
  readonly maxRoundBytes?: number | undefined;
  /** Bytes that may wait to be written; more is LANESTORE_CAPACITY. Default 256 MiB. */
  readonly maxQueuedBytes?: number | undefined;
  /**
   * Bytes of an encoded entry; more is LANESTORE_INVALID. Default 16 MiB: eight of the largest
   * blocks.
   */
  readonly maxRecordBytes?: number | undefined;
}

/** Bounds of the parts of a call. */
export interface PlanLimitOptions {
  /**
   * Largest `inner` of a round, in bytes; a larger one is LANESTORE_INVALID. It is rewritten with
   * every round that has one. Default 1 MiB.
   */
  readonly maxInnerBytes?: number | undefined;
  /**
   * Lanes with a cursor, emptied ones included; the first block of a further lane is
   * LANESTORE_INVALID: drop lanes that left the committee. The cursors of all lanes are written
   * with every batch, about 70 bytes each. A store that already has more opens, but accepts no new
   * lanes. Default 1024: about ten of the largest committees.
   */
  readonly maxLanes?: number | undefined;
  /**
   * Blocks and CommitQCs of a call; a call with more is LANESTORE_INVALID. They are encoded in one
   * turn of the event loop, and the same number is merged into one batch. Default 8192: 30 to 50 ms
   * for tiny blocks.
   */
  readonly maxRoundEntries?: number | undefined;
}

/** Checks of {@link LimitOptions}. */
export const LIMIT_CHECKS: Checks<LimitOptions> = {
  maxRoundBytes: byteCount,
  maxQueuedBytes: byteCount,
  maxRecordBytes: byteCount,
};

/** Checks of {@link PlanLimitOptions}. */
export const PLAN_LIMIT_CHECKS: Checks<PlanLimitOptions> = {
  maxInnerBytes: byteCount,
  maxLanes: count,
  maxRoundEntries: count,
};

/** The bounds of a store, checked. */
export interface AdmissionLimits {
  /** Bytes of the encoded entries of a round. */
  readonly roundBytesMax: number;
  /** Bytes of encoded entries that may wait; if none wait, one round may be larger. */
  readonly queuedBytesMax: number;
  /** Bytes of an encoded entry. */
  readonly recordBytesMax: number;
  readonly innerBytesMax: number;
  /** Lanes with a cursor. */
  readonly lanesMax: number;
  /** Blocks and CommitQCs of a call. */
  readonly roundEntriesMax: number;
}

const MIB = 1024 * 1024;
const DEFAULT_BYTES = 256 * MIB;
const RECORD_BYTES = 16 * MIB;
const INNER_BYTES = MIB;
const LANES = 1024;
/** Default of {@link PlanLimitOptions.maxRoundEntries}. */
export const ROUND_ENTRIES = 8192;

/** Calls that may wait, however small, as each uses memory; more is LANESTORE_CAPACITY. */
export const CALLS_MAX = 65_536;

/** The limits in the options. @throws LANESTORE_INVALID or TypeError for an invalid one. */
export function admissionLimits(options: LimitOptions & PlanLimitOptions): AdmissionLimits {
  return {
    roundBytesMax: byteCount(options.maxRoundBytes ?? DEFAULT_BYTES, 'maxRoundBytes'),
    queuedBytesMax: byteCount(options.maxQueuedBytes ?? DEFAULT_BYTES, 'maxQueuedBytes'),
    recordBytesMax: byteCount(options.maxRecordBytes ?? RECORD_BYTES, 'maxRecordBytes'),
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

/** The resources that an accepted call uses until it settles. */
export interface Cost {
  /** Bytes of the keys and values that it puts; they count while they wait in the queue. */
  readonly bytes: number;
  /** Blocks and CommitQCs that it puts. */
  readonly entries: number;
  /** Upper bound of the disk space that it uses, in bytes. */
  readonly diskBytes: number;
  /** True if it only removes entries, which frees disk space. */
  readonly isPrune: boolean;
  /** Bytes of large records that are neither in a value file yet nor to be stored inline. */
  largeBytes: number;
}

/** The cost of a call that writes no entry. */
export function freeOfCost(): Cost {
  return { bytes: 0, entries: 0, diskBytes: 0, isPrune: true, largeBytes: 0 };
}

/** A resource that calls use, other than the queue: free disk space, space in value files. */
export interface Resource {
  /** Does not count the call. @throws LANESTORE_CAPACITY for a call that does not fit now. */
  check(cost: Cost): void;
  /** Counts an accepted call. */
  enter(cost: Cost): void;
  /** Releases the cost of a settled call. */
  leave(cost: Cost): void;
  /** False from a refusal until the refused call would fit, or is assumed to be abandoned. */
  readonly hasRoom: boolean;
  /** Forgets refused calls; called when `ready` resolves. */
  forgetRefusals(): void;
  /** Checks for room once, or tries to make some. Never rejects. */
  look(): Promise<void>;
}

/** How often resources without room are checked while `ready` waits, in milliseconds. */
export const LOOK_EVERY_MS = 250;

/** Admits calls, counts their costs, and lets calls of `ready` wait for room. */
export class AdmissionGate {
  readonly limits: AdmissionLimits;
  /** The label of the store in metrics. */
  readonly store: string;
  readonly #resources: readonly Resource[];
  readonly #waiters = new WaitList('calls of ready()');
  #queuedBytes = 0;
  #queuedCalls = 0;
  /** The largest call refused since the queue last had room: `ready` waits until it fits. */
  #refusedBytes = 0;
  #closed: LanestoreError | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** `store` is the label of the store in metrics. */
  constructor(limits: AdmissionLimits, resources: readonly Resource[] = [], store = '') {
    this.limits = limits;
    this.store = store;
    this.#resources = resources;
  }

  /** True while calls of {@link ready} wait. */
  get isAwaited(): boolean {
    return this.#waiters.size > 0;
  }

  /** Bytes that wait in the queue. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** @throws LANESTORE_INVALID for an `inner` that is too large. */
  checkInner(inner: Uint8Array): void {
    const { innerBytesMax } = this.limits;
    if (inner.length <= innerBytesMax) return;
    throw new LanestoreError(
      'LANESTORE_INVALID',
      `round.inner has ${inner.length} bytes, more than maxInnerBytes = ${innerBytesMax}`,
    );
  }

  /** @throws LANESTORE_INVALID beyond `maxLanes`; `held` lanes have a cursor already. */
  checkLanes(lanes: LogPlans<unknown, unknown>['lanes'], held: number): void {
    let count = held;
    for (const [lane, { before }] of lanes) {
      if (before === undefined && ++count > this.limits.lanesMax) throw tooManyLanes(lane, this.limits.lanesMax);
    }
  }

  /**
   * Admits a call and counts its cost: in the queue until {@link dequeue}, in the other resources
   * until {@link settle}.
   * @throws LANESTORE_INVALID for a round that is too large; LANESTORE_CAPACITY if there is no room
   * for it; the error given to {@link close}. Then nothing was counted.
   */
  admit(cost: Cost): void {
    const { bytes } = cost;
    const { roundBytesMax } = this.limits;
    if (bytes > roundBytesMax) {
      throw new LanestoreError(
        'LANESTORE_INVALID',
        `the round has ${bytes} bytes, more than maxRoundBytes = ${roundBytesMax}; split it`,
      );
    }
    for (const resource of this.#resources) resource.check(cost);
    // A resource's check may have closed the gate because the store failed: the call would never
    // settle.
    if (this.#closed !== undefined) throw this.#closed;
    if (!this.#fits(bytes) || this.#queuedCalls >= CALLS_MAX) throw this.#refusal(bytes);
    this.#queuedBytes += bytes;
    this.#queuedCalls++;
    for (const resource of this.#resources) resource.enter(cost);
    meter(this.store, 'lanestore_encoded_bytes_total', bytes);
    meter(this.store, 'lanestore_queue_bytes', this.#queuedBytes);
  }

  /** Records that calls with `bytes` bytes in total have left the queue. */
  dequeue(bytes: number, calls: number): void {
    this.#queuedBytes -= bytes;
    this.#queuedCalls -= calls;
    meter(this.store, 'lanestore_queue_bytes', this.#queuedBytes);
    if (this.#refusedBytes === 0 && !this.isAwaited) return;
    if (!this.#hasQueueRoom) return;
    this.#refusedBytes = 0;
    this.#wakeIfRoom();
  }

  /** Records that a call has settled. */
  settle(cost: Cost): void {
    for (const resource of this.#resources) resource.leave(cost);
  }

  /**
   * Resolves once at most half of the queue is used and every refused call would fit; after a
   * while, resources assume that a refused call was abandoned. Waiting for a resource does not keep
   * the process alive.
   * @throws the signal's reason; the error given to {@link close}; LANESTORE_CAPACITY if too many
   * calls already wait.
   */
  async ready(signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    if (this.#closed !== undefined) throw this.#closed;
    if (this.#hasRoom) return this.#forgetRefusals();
    const room = this.#waiters.wait(signal);
    this.#wakeIfRoom();
    await room;
  }

  /** Refuses all later calls, and rejects those of {@link ready}. Only the first error counts. */
  close(error: LanestoreError): void {
    this.#closed ??= error;
    this.#stopTimer();
    this.#waiters.refuse(this.#closed);
  }

  /** The error for a call that the queue has no room for. */
  #refusal(bytes: number): LanestoreError {
    if (this.#fits(bytes)) {
      return new LanestoreError(
        'LANESTORE_CAPACITY',
        `${this.#queuedCalls} calls wait to be written: wait for ready()`,
      );
    }
    this.#refusedBytes = Math.max(this.#refusedBytes, bytes);
    const { queuedBytesMax } = this.limits;
    return new LanestoreError(
      'LANESTORE_CAPACITY',
      `${this.#queuedBytes} bytes wait to be written; with ${bytes} more they would be over ${queuedBytesMax}: wait for ready()`,
    );
  }

  /** Resolves the calls of `ready` if there is room. */
  #wakeIfRoom(): void {
    if (!this.isAwaited) {
      this.#stopTimer();
    } else if (this.#hasRoom) {
      this.#stopTimer();
      this.#forgetRefusals();
      this.#waiters.release();
    } else if (this.#exhausted.length > 0) {
      this.#timer ??= setInterval(() => void this.#look(), LOOK_EVERY_MS).unref();
    }
  }

  async #look(): Promise<void> {
    // The waiting calls may have ended meanwhile.
    this.#wakeIfRoom();
    if (!this.isAwaited) return;
    await Promise.all(this.#exhausted.map((resource) => resource.look()));
    this.#wakeIfRoom();
  }

  #stopTimer(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** The resources that have no room. */
  get #exhausted(): Resource[] {
    return this.#resources.filter((resource) => !resource.hasRoom);
  }

  #forgetRefusals(): void {
    for (const resource of this.#resources) resource.forgetRefusals();
  }

  #fits(bytes: number): boolean {
    return this.#queuedBytes === 0 || bytes === 0 || this.#queuedBytes + bytes <= this.limits.queuedBytesMax;
  }

  get #hasQueueRoom(): boolean {
    if (this.#queuedBytes > this.limits.queuedBytesMax / 2 || this.#queuedCalls > CALLS_MAX / 2) return false;
    return this.#fits(this.#refusedBytes);
  }

  get #hasRoom(): boolean {
    return this.#hasQueueRoom && this.#exhausted.length === 0;
  }
}

function tooManyLanes(lane: LaneId, max: number): LanestoreError {
  return new LanestoreError(
    'LANESTORE_INVALID',
    `lane ${lane} would be one more than maxLanes = ${max}; drop lanes that left the committee`,
  );
}
