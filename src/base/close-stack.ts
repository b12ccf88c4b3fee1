/**
 * Releasing what was taken: whatever fails to close, everything else is closed as well, and the first failure is thrown.
 */

/** Closes or frees one thing. */
export type Release = () => unknown;

/**
 * Calls all of them, one after the other, and waits for each. One that fails keeps no later one from its turn.
 * @throws the first failure, after the last call.
 */
export async function closeAll(releases: Iterable<Release>): Promise<void> {
  const failures: unknown[] = [];
  for (const release of releases) {
    try {
      await release();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** Runs `work`, then `release`, whatever comes of it. @throws the first failure of the two. */
export async function releasing<T>(release: Release, work: () => Promise<T>): Promise<T> {
  let result: T | undefined;
  await closeAll([
    async () => {
      result = await work();
    },
    release,
  ]);
  return result as T;
}

/** Things to give back, in reverse order, when an open fails or a store is closed. */
export class CloseStack {
  readonly #releases: Release[] = [];

  add(release: Release): void {
    this.#releases.push(release);
  }

  /** Gives everything back. A second call finds nothing left. @throws the first failure, after everything was tried. */
  close(): Promise<void> {
    return closeAll(this.#releases.splice(0).reverse());
  }
}
