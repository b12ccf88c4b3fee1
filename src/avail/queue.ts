/** A run of numbered entries without gaps, dropped at the front and added to at the back: a lane, or the CommitQCs. */
import { maxU64 } from '../keys/index.js';

/** Holds the entries [first, next). Neither bound ever goes back. */
export class Queue<T> {
  readonly #entries = new Map<bigint, T>();
  #first: bigint;
  #next: bigint;

  constructor(first = 0n) {
    this.#first = first;
    this.#next = first;
  }

  /** The lowest number held, or, when empty, the one that comes next. */
  get first(): bigint {
    return this.#first;
  }

  /** The number of the next entry. */
  get next(): bigint {
    return this.#next;
  }

  /** How many entries are held. */
  get length(): number {
    return this.#entries.size;
  }

  /** Entry `number`, or undefined if it is not held. */
  get(number: bigint): T | undefined {
    return this.#entries.get(number);
  }

  /** The entry at the back, or undefined if there is none. */
  get last(): T | undefined {
    return this.#entries.get(this.#next - 1n);
  }

  /** Adds the entry `next`. */
  push(entry: T): void {
    this.#entries.set(this.#next++, entry);
  }

  /** Drops what is below `first`. Past the end, both bounds become `first`; below the front, nothing happens. */
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
