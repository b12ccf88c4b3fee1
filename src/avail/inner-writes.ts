/**
 * The queue of the node's own consensus states: the newest state, and the calls that wait for it.
 * Earlier states are superseded, and their bytes are dropped. Exception: the store may refuse a
 * state as too large. While that is possible, a state is kept if it is smaller than every later
 * one.
 */
import { CountWaitList } from '../base/waiters.js';
import { LanestoreError } from '../errors.js';
import { maxU64 } from '../keys/index.js';

/**
 * Upper bound of kept states. Each is larger than the one before it, and than every state that the
 * store has accepted.
 */
const KEPT_MAX = 64;

/** A state, and the calls that it settles: those after `after`, up to and including `upTo`. */
interface InnerWrite {
  readonly bytes: Uint8Array;
  after: bigint;
  upTo: bigint;
}

/** States that are being stored, ascending; only the last one is written. */
export type InnerWritesTaken = readonly [InnerWrite, ...InnerWrite[]];

/** The queue described at the top of this file. Calls are numbered from 1. */
export class InnerWrites {
  readonly #durable = new CountWaitList('calls of persistInner');
  readonly #settled = new CountWaitList('calls of flush');
  #kept: InnerWrite[] = [];
  #calls = 0n;
  /**
   * All calls up to this one are settled. `#refused` maps ranges of calls that the store refused:
   * once all calls up to the key are settled, so are those up to the value.
   */
  #settledCalls = 0n;
  readonly #refused = new Map<bigint, bigint>();
  /**
   * Size of the largest state that the store has accepted, or has refused only for lack of room.
   * The store does not refuse this size as too large.
   */
  #soundBytes = 0;

  /** True if no state waits to be stored. */
  get isEmpty(): boolean {
    return this.#kept.length === 0;
  }

  /** Number of calls so far. */
  get calls(): bigint {
    return this.#calls;
  }

  /**
   * True if the store may still refuse the newest state as too large. While true, earlier states
   * must be kept.
   */
  get isUntried(): boolean {
    return (this.#kept.at(-1)?.bytes.length ?? 0) > this.#soundBytes;
  }

  /**
   * Adds a state, which the caller must not change afterwards. Resolves when this state, or a later
   * one, is durable.
   * @throws the signal's reason; the error given to {@link refuse}; the error with which the store
   * refuses the state; LANESTORE_CAPACITY.
   */
  add(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    if (this.#kept.length >= KEPT_MAX && bytes.length > (this.#kept.at(-1)?.bytes.length ?? 0)) {
      throw new LanestoreError('LANESTORE_CAPACITY', `${KEPT_MAX} states wait, each larger than those before it`);
    }
    if (this.#durable.size < this.#durable.max) this.#keep({ bytes, after: this.#calls, upTo: ++this.#calls });
    return this.#durable.wait(this.#calls, signal);
  }

  /** Takes all waiting states; the caller stores the last one. */
  take(): InnerWritesTaken | undefined {
    const [first, ...rest] = this.#kept.splice(0);
    return first === undefined ? undefined : [first, ...rest];
  }

  /** Records that what was taken is durable. */
  stored(taken: InnerWritesTaken): void {
    const { bytes, upTo } = newest(taken);
    this.#soundBytes = Math.max(this.#soundBytes, bytes.length);
    this.#durable.reach(upTo);
    this.#settle(upTo);
  }

  /** Puts back what was taken, because the store has no room. */
  putBack(taken: InnerWritesTaken): void {
    const write = newest(taken);
    this.#soundBytes = Math.max(this.#soundBytes, write.bytes.length);
    this.#keepBefore([write]);
  }

  /**
   * Records that the newest of the taken states is too large: its callers are rejected, and the
   * earlier states wait again.
   */
  tooLarge(taken: InnerWritesTaken, error: unknown): void {
    const { after, upTo } = newest(taken);
    const before = taken.slice(0, -1);
    const last = before.at(-1);
    // The states of all these calls were as large or larger: a smaller one would have been kept.
    this.#durable.refuse(error, after, upTo);
    if (last !== undefined) last.upTo = upTo;
    else if (after <= this.#settledCalls) this.#settle(upTo);
    else this.#refused.set(after, upTo);
    this.#keepBefore(before);
  }

  /**
   * Resolves when the first `calls` calls are settled, successfully or not.
   * @throws the signal's reason; the error given to {@link refuse}.
   */
  async settled(calls: bigint, signal?: AbortSignal): Promise<void> {
    if (this.#settledCalls < calls) await this.#settled.wait(calls, signal);
  }

  /** Rejects all callers, and drops all waiting states. */
  refuse(error: unknown): void {
    this.#kept = [];
    this.#durable.refuse(error);
    this.#settled.refuse(error);
  }

  #keep(write: InnerWrite): void {
    const { bytes } = write;
    const isSuperseded = (kept: InnerWrite) => bytes.length <= this.#soundBytes || bytes.length <= kept.bytes.length;
    for (let kept = this.#kept.at(-1); kept !== undefined && isSuperseded(kept); kept = this.#kept.at(-1)) {
      write.after = kept.after;
      this.#kept.pop();
    }
    this.#kept.push(write);
  }

  #settle(upTo: bigint): void {
    this.#settledCalls = maxU64(this.#settledCalls, upTo);
    for (let next = this.#refused.get(upTo); next !== undefined; next = this.#refused.get(next)) {
      this.#settledCalls = maxU64(this.#settledCalls, next);
    }
    for (const after of this.#refused.keys()) if (after < this.#settledCalls) this.#refused.delete(after);
    this.#settled.reach(this.#settledCalls);
  }

  #keepBefore(writes: readonly InnerWrite[]): void {
    const later = this.#kept.splice(0);
    for (const write of [...writes, ...later]) this.#keep(write);
  }
}

function newest(taken: InnerWritesTaken): InnerWrite {
  return taken.at(-1) as InnerWrite;
}
