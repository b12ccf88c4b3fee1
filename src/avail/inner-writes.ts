/**
 * The node's own consensus states that wait to be stored: the newest one, and its callers. Those
 * before it are superseded, so their bytes are dropped; only one that is smaller than every later
 * one is kept, as long as the store may still refuse these for their size.
 */
import { CountWaitList } from '../base/waiters.js';
import { LanestoreError } from '../errors.js';
import { maxU64 } from '../keys/index.js';

/**
 * States that are kept at a time: each larger than the one before it, and than all that the store
 * has taken so far.
 */
const KEPT_MAX = 64;

/** A state, and the calls that it stands for: those after `after`, up to `upTo`. */
interface InnerWrite {
  readonly bytes: Uint8Array;
  after: bigint;
  upTo: bigint;
}

/** States on their way to the store, ascending; the last one is the one to store. */
export type InnerWritesTaken = readonly [InnerWrite, ...InnerWrite[]];

/** See the top of this file. Calls are numbered from 1. */
export class InnerWrites {
  readonly #durable = new CountWaitList('calls of persistInner');
  readonly #settled = new CountWaitList('calls of flush');
  #kept: InnerWrite[] = [];
  #calls = 0n;
  /**
   * Calls up to this one are settled; so are those that the store refused, up to the value, once
   * all up to the key are.
   */
  #settledCalls = 0n;
  readonly #refused = new Map<bigint, bigint>();
  /**
   * The store has taken, or refused for want of room, a state of this size: it never refuses it as
   * too large.
   */
  #soundBytes = 0;

  /** True if no state waits to be handed over. */
  get isEmpty(): boolean {
    return this.#kept.length === 0;
  }

  /** Calls so far. */
  get calls(): bigint {
    return this.#calls;
  }

  /**
   * True if the store may refuse the newest state as too large: until it has said, those before it
   * cannot be dropped.
   */
  get isUntried(): boolean {
    return (this.#kept.at(-1)?.bytes.length ?? 0) > this.#soundBytes;
  }

  /**
   * Adds a state, which the caller must not change any more; resolves when it, or a later one, is
   * durable.
   * @throws the signal's reason, what {@link refuse} is given, what the store refuses it with;
   * LANESTORE_CAPACITY.
   */
  add(bytes: Uint8Array, signal?: AbortSignal): Promise<void> {
    if (this.#kept.length >= KEPT_MAX && bytes.length > (this.#kept.at(-1)?.bytes.length ?? 0)) {
      throw new LanestoreError('LANESTORE_CAPACITY', `${KEPT_MAX} states wait, each larger than those before it`);
    }
    if (this.#durable.size < this.#durable.max) this.#keep({ bytes, after: this.#calls, upTo: ++this.#calls });
    return this.#durable.wait(this.#calls, signal);
  }

  /** Takes what waits, for the last of it to be stored. */
  take(): InnerWritesTaken | undefined {
    const [first, ...rest] = this.#kept.splice(0);
    return first === undefined ? undefined : [first, ...rest];
  }

  /** What was taken is durable. */
  stored(taken: InnerWritesTaken): void {
    const { bytes, upTo } = newest(taken);
    this.#soundBytes = Math.max(this.#soundBytes, bytes.length);
    this.#durable.reach(upTo);
    this.#settle(upTo);
  }

  /** The store has no room for what was taken: it waits again. */
  putBack(taken: InnerWritesTaken): void {
    const write = newest(taken);
    this.#soundBytes = Math.max(this.#soundBytes, write.bytes.length);
    this.#keepBefore([write]);
  }

  /**
   * The newest of what was taken is too large: its callers are told, and the ones before it wait
   * again.
   */
  tooLarge(taken: InnerWritesTaken, error: unknown): void {
    const { after, upTo } = newest(taken);
    const before = taken.slice(0, -1);
    const last = before.at(-1);
    // All of these had states of its size or larger ones: a smaller one would have been kept.
    this.#durable.refuse(error, after, upTo);
    if (last !== undefined) last.upTo = upTo;
    else if (after <= this.#settledCalls) this.#settle(upTo);
    else this.#refused.set(after, upTo);
    this.#keepBefore(before);
  }

  /**
   * Resolves when the first `calls` calls are settled, one way or the other.
   * @throws the signal's reason, what {@link refuse} is given.
   */
  async settled(calls: bigint, signal?: AbortSignal): Promise<void> {
    if (this.#settledCalls < calls) await this.#settled.wait(calls, signal);
  }

  /** Rejects all callers, and drops what waits. */
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
