/**
 * Releases resources: if one fails to close, all others are still closed, and the first failure is
 * thrown.
 */

/** Closes or frees one resource. */
export type Release = () => unknown;

/**
 * Calls all releases in order and awaits each. A failure does not prevent later calls.
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

/** Runs `work`, then `release`, also if `work` fails. @throws the first failure of the two. */
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

/** Resources that are released in reverse order, when an open fails or a store is closed. */
export class CloseStack {
  readonly #releases: Release[] = [];

  add(release: Release): void {
    this.#releases.push(release);
  }

  /** Releases everything. Idempotent. @throws the first failure, after every release was tried. */
  close(): Promise<void> {
    return closeAll(this.#releases.splice(0).reverse());
  }
}
