/**
 * The one admission gate of every backend: what a call must not exceed, how much may wait to be written, and when `ready`
 * resolves. Beyond a bound a call is refused as a whole and nothing of it is stored.
 */
import { byteCount, type Checks, count } from '../base/options.js';
import { throwIfAborted, WaitList } from '../base/waiters.js';
import { LanestoreError } from '../errors.js';
import type { LaneId } from '../keys/index.js';
import { meter } from '../metrics/channel.js';
import type { LogPlans } from './planner.js';

/** Bounds of what a store takes at a time. */
export interface LimitOptions {
  /** Bytes of a round, encoded, beyond which it is LANESTORE_INVALID. Default 256 MiB: some 120 blocks of the largest kind. */
  readonly maxRoundBytes?: number | undefined;
  /** Bytes that may wait to be written before a round is LANESTORE_CAPACITY. Default 256 MiB. */
  readonly maxQueuedBytes?: number | undefined;
  /** Bytes of a single encoded entry beyond which its round is LANESTORE_INVALID. Default 16 MiB: eight of the largest blocks. */
  readonly maxRecordBytes?: number | undefined;
}

/** Bounds of a call's parts. */
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

/** The bounds of a store, checked. */
export interface AdmissionLimits {
  /** Bytes of a round's encoded entries. */
  readonly roundBytesMax: number;
  /** Bytes of encoded entries that may wait; when nothing waits, one round may be larger. */
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

/** Calls that may wait, however small: each keeps some hundreds of bytes of memory. Beyond, they are LANESTORE_CAPACITY. */
export const CALLS_MAX = 65_536;

/** The limits that the options ask for. @throws LANESTORE_INVALID, or a TypeError, for one that is no positive whole number. */
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

/** The entries of a call. Entries beyond the bound are not read: an iterable may be endless. @throws LANESTORE_INVALID. */
export function listOf<T>(entries: Iterable<T>, max: number, before = 0): T[] {
  if (Array.isArray(entries)) {
    if (before + entries.length > max) throw tooMany(max);
    return [...entries];
  }
  const list: T[] = [];
  for (const entry of entries) {
    if (before + list.length >= max) throw tooMany(max);
    list.push(entry);
  }
  return list;
}

function tooMany(max: number): LanestoreError {
  const what = 'the call has more blocks and CommitQCs than';
  return new LanestoreError('LANESTORE_INVALID', `${what} maxRoundEntries = ${max}; split it`);
}

/** What an accepted call takes of its store until it is settled. */
export interface Cost {
  /** Bytes of the keys and values that it puts; they count while they wait in the queue. */
  readonly bytes: number;
  /** Blocks and CommitQCs that it puts. */
  readonly entries: number;
  /** Bytes of disk that it may take. Upper bound. */
  readonly diskBytes: number;
  /** True if it only removes entries, which frees disk space. */
  readonly isPrune: boolean;
  /** Bytes of its large records that have no place yet: 0 once they are in a value file, or are to be stored inline. */
  largeBytes: number;
}

/** The cost of a call that puts nothing. */
export function freeOfCost(): Cost {
  return { bytes: 0, entries: 0, diskBytes: 0, isPrune: true, largeBytes: 0 };
}

/** A resource that calls take, besides the queue: free disk space, space in value files. */
export interface Resource {
  /** Counts nothing. @throws LANESTORE_CAPACITY for a call that does not fit now. */
  check(cost: Cost): void;
  /** The call was accepted. */
  enter(cost: Cost): void;
  /** It has settled. */
  leave(cost: Cost): void;
  /** False from a refusal until the refused call would fit, or is taken to be given up. */
  readonly hasRoom: boolean;
  /** Forgets the calls that were refused: `ready` resolves. */
  forgetRefusals(): void;
  /** Looks for room once, or tries to make some. Never rejects. */
  look(): Promise<void>;
}

/** While calls of `ready` wait, resources without room look for it this often. */
export const LOOK_EVERY_MS = 250;

/** Admits calls, counts what they take, and lets calls of `ready` wait for room. */
export class AdmissionGate {
  readonly limits: AdmissionLimits;
  readonly #resources: readonly Resource[];
  readonly #waiters = new WaitList('calls of ready()');
  #queuedBytes = 0;
  #queuedCalls = 0;
  /** The largest call that the queue refused since it had room the last time: `ready` waits until it fits. */
  #refusedBytes = 0;
  #closed: LanestoreError | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(limits: AdmissionLimits, resources: readonly Resource[] = []) {
    this.limits = limits;
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
  checkInner(inner: Uint8Array | undefined): void {
    const { innerBytesMax } = this.limits;
    if (inner === undefined || inner.length <= innerBytesMax) return;
    throw new LanestoreError(
      'LANESTORE_INVALID',
      `round.inner has ${inner.length} bytes, more than maxInnerBytes = ${innerBytesMax}`,
    );
  }

  /** @throws LANESTORE_INVALID for plans that begin a lane too many; `held` lanes have a cursor before. */
  checkLanes(lanes: LogPlans<unknown, unknown>['lanes'], held: number): void {
    let count = held;
    for (const [lane, { before }] of lanes) {
      if (before === undefined && ++count > this.limits.lanesMax) throw tooManyLanes(lane, this.limits.lanesMax);
    }
  }

  /**
   * Admits a call and counts its cost: until {@link dequeue} in the queue, until {@link settle} in everything else.
   * @throws LANESTORE_INVALID for a round that is too large; LANESTORE_CAPACITY if something has no room for it; what
   * {@link close} was given. Then nothing was counted.
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
    // A resource may have found that the store has failed: nothing would settle the call any more.
    if (this.#closed !== undefined) throw this.#closed;
    this.#checkQueue(bytes);
    this.#queuedBytes += bytes;
    this.#queuedCalls++;
    for (const resource of this.#resources) resource.enter(cost);
    meter('lanestore_encoded_bytes_total', bytes);
    meter('lanestore_queue_bytes', this.#queuedBytes);
  }

  /** Calls with so many bytes in all have left the queue. */
  dequeue(bytes: number, calls: number): void {
    this.#queuedBytes -= bytes;
    this.#queuedCalls -= calls;
    meter('lanestore_queue_bytes', this.#queuedBytes);
    if (!this.#hasQueueRoom) return;
    this.#refusedBytes = 0;
    this.#report();
  }

  /** A call has settled. */
  settle(cost: Cost): void {
    for (const resource of this.#resources) resource.leave(cost);
  }

  /**
   * Resolves once at most half of the queue is taken and every call fits that was refused; resources take a refused call to
   * be given up after a while. Waiting for a resource does not keep the process alive.
   * @throws the signal's reason; what {@link close} was given; LANESTORE_CAPACITY when too many calls wait already.
   */
  async ready(signal?: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    if (this.#closed !== undefined) throw this.#closed;
    if (this.#hasRoom) return this.#forgetRefusals();
    const room = this.#waiters.wait(signal);
    this.#report();
    await room;
  }

  /** Admits nothing more, and rejects the calls of {@link ready}, now and later. The first error stays. */
  close(error: LanestoreError): void {
    this.#closed ??= error;
    this.#rest();
    this.#waiters.refuse(this.#closed);
  }

  #checkQueue(bytes: number): void {
    if (!this.#fits(bytes)) {
      this.#refusedBytes = Math.max(this.#refusedBytes, bytes);
      const { queuedBytesMax } = this.limits;
      throw new LanestoreError(
        'LANESTORE_CAPACITY',
        `${this.#queuedBytes} bytes wait to be written; with ${bytes} more they would be over ${queuedBytesMax}: wait for ready()`,
      );
    }
    if (this.#queuedCalls >= CALLS_MAX) {
      throw new LanestoreError('LANESTORE_CAPACITY', `${this.#queuedCalls} calls wait to be written: wait for ready()`);
    }
  }

  /** Lets the calls of `ready` go on if there is room. */
  #report(): void {
    if (!this.isAwaited) {
      this.#rest();
    } else if (this.#hasRoom) {
      this.#rest();
      this.#forgetRefusals();
      this.#waiters.release();
    } else if (this.#short.length > 0) {
      this.#timer ??= setInterval(() => void this.#look(), LOOK_EVERY_MS).unref();
    }
  }

  async #look(): Promise<void> {
    // The calls may have ended meanwhile: then nothing is looked at any more.
    this.#report();
    if (!this.isAwaited) return;
    await Promise.all(this.#short.map((resource) => resource.look()));
    this.#report();
  }

  #rest(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** The resources without room. */
  get #short(): Resource[] {
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
    return this.#hasQueueRoom && this.#short.length === 0;
  }
}

function tooManyLanes(lane: LaneId, max: number): LanestoreError {
  return new LanestoreError(
    'LANESTORE_INVALID',
    `lane ${lane} would be one more than maxLanes = ${max}; drop lanes that left the committee`,
  );
}
