/**
 * Contiguous numbered entries, pushed at the back and pruned at the front: a lane, or the
 * CommitQCs.
 */
import { maxU64 } from '../keys/index.js';

/** Holds the entries [first, next). Neither bound ever decreases. */
export class Queue<T> {
  readonly #entries = new Map<bigint, T>();
  #first: bigint;
  #next: bigint;

  constructor(first = 0n) {
    this.#first = first;
    this.#next = first;
  }

  /** The lowest number held, or that of the next entry if empty. */
  get first(): bigint {
    return this.#first;
  }

  /** The number of the next entry. */
  get next(): bigint {
    return this.#next;
  }

  /** Number of entries held. */
  get length(): number {
    return this.#entries.size;
  }

  /** Entry `number`, or undefined if it is not held. */
  get(number: bigint): T | undefined {
    return this.#entries.get(number);
  }

  /** The last entry, or undefined if there is none. */
  get last(): T | undefined {
    return this.#entries.get(this.#next - 1n);
  }

  /** Adds an entry with number `next`. */
  push(entry: T): void {
    this.#entries.set(this.#next++, entry);
  }

  /**
   * Drops the entries below `first`. If `first` is beyond the end, both bounds become `first`; if
   * it is not above the current one, nothing changes.
   */
  prune(first: bigint): void {
    if (first <= this.#first) return;
    for (let number = this.#first; number < first && number < this.#next; number++) this.#entries.delete(number);
    this.#first = first;
    this.#next = maxU64(this.#next, first);
  }

  /** The entries, ascending. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let number = this.#first; number < this.#next; number++) yield this.#entries.get(number) as T;
  }
}
