/** What is open, to be closed item by item, or all that is left at once. */

/** Something that holds descriptors, memory or files until it is closed. */
export interface Closable {
  /** Idempotent; resolves when everything is given back. */
  close(): Promise<void>;
}

/** Items that are open. */
export class OpenSet {
  readonly #open = new Set<Closable>();

  /** Items that are open. */
  get size(): number {
    return this.#open.size;
  }

  /** Takes an item, which is open, and returns it. */
  add<T extends Closable>(item: T): T {
    this.#open.add(item);
    return item;
  }

  /** Closes an item and forgets it. Rejects as its `close` does. */
  async close(item: Closable): Promise<void> {
    this.#open.delete(item);
    await item.close();
  }

  /** Closes every item that is left, at the same time. Rejects with the first failure, after all have ended. */
  async closeAll(): Promise<void> {
    const items = [...this.#open];
    const results = await Promise.allSettled(items.map((item) => this.close(item)));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }
}
