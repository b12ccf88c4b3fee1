/**
 * Lists of waiting callers. Every wait list of this package is one of these. They guarantee:
 *
 * - A caller is added to a list, and taken out of it, in O(1), whatever ends its wait.
 * - An AbortSignal gets one listener, whatever the number of callers and lists that use it.
 * - A list holds a bounded number of callers; a further one is rejected with LANESTORE_CAPACITY.
 * - A caller whose wait ends continues in its own microtask, never within the call that ended the
 *   wait. So a chain of callers that wake each other needs no stack.
 *
 * The condition may no longer hold when the caller continues: it must check, and wait again if
 * necessary.
 */
import { LanestoreError } from '../errors.js';
import { mismatch } from './options.js';

/** Default bound of a list; further callers are rejected with LANESTORE_CAPACITY. */
export const WAITERS_MAX = 65_536;

/** The callbacks of one signal, and the listener that calls them. */
interface Aborts {
  readonly callbacks: Set<() => void>;
  readonly listener: () => void;
}

/**
 * Does nothing without a signal.
 * @throws TypeError for a value that is not an AbortSignal; the reason of a signal that has
 * aborted.
 */
export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal === undefined) return;
  checkSignal(signal);
  signal.throwIfAborted();
}

/** @throws TypeError for a value that is not an AbortSignal. Accepts signals of other realms. */
export function checkSignal(signal: unknown): void {
  const methods = ['throwIfAborted', 'addEventListener', 'removeEventListener'] as const;
  const given = (typeof signal === 'object' && signal !== null ? signal : {}) as Readonly<Record<string, unknown>>;
  if (methods.some((method) => typeof given[method] !== 'function')) throw mismatch('signal', 'an AbortSignal', signal);
}

const abortsOf = new WeakMap<AbortSignal, Aborts>();

/**
 * Calls `callback` when `signal` aborts; it must not have aborted yet. All callbacks of a signal
 * share one listener. Returns a function that removes the callback in O(1); idempotent.
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

/** One waiting call. */
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

/** Adds a waiting call, unless its signal has aborted or the list is full. */
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

/** Callers that wait for the same event, in order of arrival. */
export class WaitList {
  /** The waiting calls, as a plural noun: used in the LANESTORE_CAPACITY message. */
  readonly what: string;
  /** Upper bound of waiting calls. */
  readonly max: number;
  readonly #waiters = new Set<Waiter>();

  constructor(what: string, max = WAITERS_MAX) {
    this.what = what;
    this.max = max;
  }

  /** Number of waiting calls. */
  get size(): number {
    return this.#waiters.size;
  }

  /**
   * Waits for the next {@link release}.
   * @throws the signal's reason; the error given to {@link refuse}; LANESTORE_CAPACITY.
   */
  wait(signal?: AbortSignal): Promise<void> {
    return enlist(
      this,
      signal,
      (waiter) => this.#waiters.add(waiter),
      (waiter) => this.#waiters.delete(waiter),
    );
  }

  /** Resolves all waiting calls. */
  release(): void {
    for (const waiter of this.#waiters) waiter.resolve();
  }

  /** Resolves the oldest waiting call. False if none waits. */
  releaseFirst(): boolean {
    for (const waiter of this.#waiters) {
      waiter.resolve();
      return true;
    }
    return false;
  }

  /** Rejects all waiting calls. */
  refuse(error: unknown): void {
    for (const waiter of this.#waiters) waiter.reject(error);
  }
}

/** Callers that wait until a growing count has reached a number; each caller has its own number. */
export class CountWaitList {
  /** The waiting calls, as a plural noun: used in the LANESTORE_CAPACITY message. */
  readonly what: string;
  /** Upper bound of waiting calls. */
  readonly max: number;
  readonly #byNumber = new Map<bigint, Set<Waiter>>();
  #size = 0;
  /** No call waits for this number or a lower one. */
  #reached = 0n;

  constructor(what: string, max = WAITERS_MAX) {
    this.what = what;
    this.max = max;
  }

  /** Number of waiting calls. */
  get size(): number {
    return this.#size;
  }

  /**
   * Waits for the next {@link reach} with `number` or more.
   * @throws the signal's reason; the error given to {@link refuse}; LANESTORE_CAPACITY.
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
   * Resolves all calls that wait for `number` or less. Cost: the growth of the count, or the number
   * of distinct values waited for, whichever is smaller; the count may jump by 2^60.
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

  /**
   * Rejects the waiting calls with numbers above `after` and up to `upTo`; all calls by default.
   */
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
