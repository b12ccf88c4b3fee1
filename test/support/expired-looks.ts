import { RECENT_MS } from '../../src/adapter/location-guard.js';

/** Resolves once earlier checks of a store's directories have expired. */
export async function expiredLooks(): Promise<void> {
  const end = performance.now() + 2 * RECENT_MS;
  while (performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 1));
}
