/** Stores of the plain model, without syncs, for tests that open many. */
import { openWal, type WalOptions, type WalStore } from '../../../src/adapter/wal/index.js';
import { type PlainAnchor, type PlainBlock, type PlainQC, plain } from '../../support/plain-model.js';
import { WatchedFiles } from './watched-files.js';

export type PlainStore = WalStore<PlainBlock, PlainQC, PlainAnchor>;
export type PlainOptions = Partial<WalOptions<PlainBlock, PlainQC, PlainAnchor>>;

/** Opens the store in `dir`. */
export function openPlain(dir: string, options: PlainOptions = {}): Promise<PlainStore> {
  return openWal(dir, { model: plain, files: new WatchedFiles(), ...options });
}

/** Opens the store, uses it and closes it. */
export async function withStore<T>(
  dir: string,
  use: (store: PlainStore) => Promise<T>,
  options?: PlainOptions,
): Promise<T> {
  const store = await openPlain(dir, options);
  try {
    return await use(store);
  } finally {
    await store.close();
  }
}

/**
 * The entries that `takeRecovered` returns, and the cursors, in short: `lane: [numbers],
 * first-next`.
 */
export function contentOf(store: PlainStore) {
  const { anchor, inner, commitQCs, blocks } = store.takeRecovered();
  const { lanes, commitQCs: qc } = store.cursors;
  return {
    anchor: anchor === undefined ? undefined : Number(anchor.index),
    inner: inner === undefined ? undefined : [...inner],
    commitQCs: commitQCs.map(({ index }) => Number(index)),
    lanes: Object.fromEntries([...blocks].map(([lane, list]) => [lane, list.map(({ number }) => Number(number))])),
    cursors: Object.fromEntries([...lanes].sort().map(([lane, { first, next }]) => [lane, `${first}-${next}`])),
    qcCursor: `${qc.first}-${qc.next}`,
  };
}

/** A promise that a test settles. */
export function gate(): { readonly passed: Promise<void>; open(): void } {
  let open = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open: () => open() };
}
