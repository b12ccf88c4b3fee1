/**
 * Lists of callers that wait. Every list of the project is one of these, because each of them keeps
 * four bounds:
 *
 * - A caller is added to a list, and taken out of it, in O(1), whatever ends its wait.
 * - An AbortSignal gets one listener, however many callers wait with it, in however many lists.
 * - A list holds a bounded number of callers; one more is LANESTORE_CAPACITY.
 * - Ending a wait runs no code of the caller at once: it goes on in a microtask of its own. So a
 *   caller that changes what others wait for does not call them, and a chain of them, however long,
 *   takes no stack.
 *
 * What a caller waits for may be gone again when it goes on, so it must look, and wait again if
 * need be.
 */
import { LanestoreError } from '../errors.js';
import { mismatch } from './options.js';

/** Callers that one list holds unless it says otherwise; those beyond are LANESTORE_CAPACITY. */
export const WAITERS_MAX = 65_536;

/** What ends when its signal aborts, and the one listener for all of it. */
interface Aborts {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

/** Does nothing without a signal. @throws TypeError for what is no AbortSignal; the reason of one that has aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  checkSignal(signal);
  signal.throwIfAborted();
}

/** @throws TypeError for what is no AbortSignal, of whatever realm. */
export function checkSignal(signal: unknown): void {
  const methods = ['throwIfAborted', 'addEventListener', 'removeEventListener'] as const;
  const given = (typeof signal === 'object' && signal !== null ? signal : {}) as Readonly<Record<string, unknown>>;
  if (methods.some((method) => typeof given[method] !== 'function')) throw mismatch('signal', 'an AbortSignal', signal);
}

const abortsOf = new WeakMap<AbortSignal, Aborts>();

/**
 * Calls `callback` when `signal`, which has not aborted yet, does. All callbacks of a signal share
 * one listener. Returns what takes the callback back, in O(1); idempotent.
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  let aborts = abortsOf.get(signal);
  if (aborts === undefined) {
    const callbacks = new Set<() => void>();
    const listener = () => {
      abortsOf.delete(signal);
      for (const abort of callbacks) abort();
    };
    aborts = { callbacks, listener };
    abortsOf.set(signal, aborts);
    signal.addEventListener('abort', listener, { once: true });
  }
  const { callbacks, listener } = aborts;
  callbacks.add(callback);
  return () => {
    if (!callbacks.delete(callback) || callbacks.size > 0 || signal.aborted) return;
    abortsOf.delete(signal);
    signal.removeEventListener('abort', listener);
  };
}

/** One call that waits, in the set that holds it. */
class Waiter {
  readonly #resolve: () => void;
  readonly #reject: (error: unknown) => void;
  readonly #leave: () => void;
  readonly #forgetSignal: (() => void) | undefined;

  constructor(
    resolve: () => void,
    reject: (error: unknown) => void,
    leave: (waiter: Waiter) => void,
    signal: AbortSignal | undefined,
  ) {
    this.#resolve = resolve;
    this.#reject = reject;
    this.#leave = () => leave(this);
    this.#forgetSignal = signal && onAbort(signal, () => this.reject(signal.reason));
  }

  resolve(): void {
    this.#end();
    this.#resolve();
  }

  reject(error: unknown): void {
    this.#end();
    this.#reject(error);
  }

  #end(): void {
    this.#leave();
    this.#forgetSignal?.();
  }
}

/** Adds a call with `add`, unless its signal has aborted or the list is full. */
function enlist(
  list: { readonly size: number; readonly what: string; readonly max: number },
  signal: AbortSignal | undefined,
  add: (waiter: Waiter) => void,
  leave: (waiter: Waiter) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    if (list.size >= list.max) {
      return reject(new LanestoreError('LANESTORE_CAPACITY', `${list.max} ${list.what} wait already`));
    }
    add(new Waiter(resolve, reject, leave, signal));
  });
}

/** Callers that wait for the same thing, in the order in which they came. */
export class WaitList {
  /** What waits, in the plural: for the error of one call too many. */
  readonly what: string;
  /** Calls that may wait. */
  readonly max: number;
  readonly #waiters = new Set<Waiter>();

  constructor(what: string, max = WAITERS_MAX) {
    this.what = what;
    this.max = max;
  }

  /** Calls that wait. */
  get size(): number {
    return this.#waiters.size;
  }

  /**
   * Waits for the next {@link release}.
   * @throws the signal's reason, what {@link refuse} is given, LANESTORE_CAPACITY.
   */
  wait(signal?: AbortSignal): Promise<void> {
    return enlist(
      this,
      signal,
      (waiter) => this.#waiters.add(waiter),
      (waiter) => this.#waiters.delete(waiter),
    );
  }

  /** Resolves all calls that wait now. */
  release(): void {
    for (const waiter of this.#waiters) waiter.resolve();
  }

  /** Resolves the call that has waited longest. False if none waits. */
  releaseFirst(): boolean {
    for (const waiter of this.#waiters) {
      waiter.resolve();
      return true;
    }
    return false;
  }

  /** Rejects all calls that wait now. */
  refuse(error: unknown): void {
    for (const waiter of this.#waiters) waiter.reject(error);
  }
}

/** Callers that wait until a count that only grows has reached a number, each its own. */
export class CountWaitList {
  /** What waits, in the plural: for the error of one call too many. */
  readonly what: string;
  /** Calls that may wait. */
  readonly max: number;
  readonly #byNumber = new Map<bigint, Set<Waiter>>();
  #size = 0;
  /** No call waits for this number or a lower one. */
  #reached = 0n;

  constructor(what: string, max = WAITERS_MAX) {
    this.what = what;
    this.max = max;
  }

  /** Calls that wait. */
  get size(): number {
    return this.#size;
  }

  /**
   * Waits for the next {@link reach} of `number` or more.
   * @throws the signal's reason, what {@link refuse} is given, LANESTORE_CAPACITY.
   */
  wait(number: bigint, signal?: AbortSignal): Promise<void> {
    return enlist(
      this,
      signal,
      (waiter) => this.#add(number, waiter),
      (waiter) => this.#remove(number, waiter),
    );
  }

  /**
   * Resolves all calls that wait for `number` or less. Takes as many steps as the count has grown
   * by, or as there are numbers that are waited for if these are fewer: the count may jump by 2^60.
   */
  reach(number: bigint): void {
    if (number <= this.#reached) return;
    if (number - this.#reached <= this.#byNumber.size) {
      for (let next = this.#reached + 1n; next <= number; next++) this.#resolve(next);
    } else {
      for (const waited of this.#byNumber.keys()) if (waited <= number) this.#resolve(waited);
    }
    this.#reached = number;
  }

  /** Rejects the calls that wait now for numbers above `after` and up to `upTo`; by default all. */
  refuse(error: unknown, after?: bigint, upTo?: bigint): void {
    for (const [number, waiters] of this.#byNumber) {
      if (after !== undefined && number <= after) continue;
      if (upTo !== undefined && number > upTo) continue;
      for (const waiter of waiters) waiter.reject(error);
    }
  }

  #resolve(number: bigint): void {
    for (const waiter of this.#byNumber.get(number) ?? []) waiter.resolve();
  }

  #add(number: bigint, waiter: Waiter): void {
    const waiters = this.#byNumber.get(number);
    if (waiters === undefined) this.#byNumber.set(number, new Set([waiter]));
    else waiters.add(waiter);
    this.#size++;
    if (number <= this.#reached) this.#reached = number - 1n;
  }

  #remove(number: bigint, waiter: Waiter): void {
    const waiters = this.#byNumber.get(number);
    if (waiters?.delete(waiter) !== true) return;
    this.#size--;
    if (waiters.size === 0) this.#byNumber.delete(number);
  }
}
