/** A resource that holds descriptors, memory or files until it is closed. */
export interface Closable {
  /** Idempotent; resolves when everything is released. */
  close(): Promise<void>;
}

/** Resources that are closed one by one, or all at once. */
export class OpenSet {
  readonly #open = new Set<Closable>();

  /** Number of open items. */
  get size(): number {
    return this.#open.size;
  }

  /** Adds an open item, and returns it. */
  add<T extends Closable>(item: T): T {
    this.#open.add(item);
    return item;
  }

  /** Removes an item and closes it. Rejects as its `close` does. */
  async close(item: Closable): Promise<void> {
    this.#open.delete(item);
    await item.close();
  }

  /** Closes all items concurrently. Rejects with the first failure, after all have ended. */
  async closeAll(): Promise<void> {
    const items = [...this.#open];
    const results = await Promise.allSettled(items.map((item) => this.close(item)));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  }
}
