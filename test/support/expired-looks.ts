import { RECENT_MS } from '../../src/adapter/location-guard.js';

/** Resolves once a store believes no earlier look at its directories any more. */
export async function expiredLooks(): Promise<void> {
  const end = performance.now() + 2 * RECENT_MS;
  while (performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 1));
}
