/**
 * Runs `work` on each item, `width` at a time. Rejects with the first failure, after all started
 * calls have settled.
 */
export async function mapLimited<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const runner = async () => {
    while (next < items.length && !failed) {
      try {
        await work(items[next++] as T);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: Math.min(width, items.length) }, runner));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
