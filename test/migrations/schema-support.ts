/** Stores for the tests of migrations between formats. */
import { rmSync } from 'node:fs';
import { autobahn, entryChecks, openLevel } from '../../src/index.js';

/** The model of the stores, with its checks. */
export const OPTIONS = { model: autobahn, checks: entryChecks() };

/** What a store recovers, and its cursors. */
export async function opened(location: string) {
  const store = await openLevel(location, { model: autobahn, createIfMissing: false });
  const recovered = store.takeRecovered();
  const cursors = store.cursors;
  await store.close();
  return { recovered, cursors };
}

/** Removes a store that a test made. */
export function removed(location: string): void {
  rmSync(location, { recursive: true });
}
