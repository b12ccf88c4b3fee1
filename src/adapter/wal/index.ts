/**
 * The segment-file WAL that lanestore replaces, byte-compatible with sei-chain 11419398f
 * (tidwall/wal segments, A/B files). Use it to migrate from it, to export to it, and to compare
 * with it. `openWal` opens a store that implements the persistence port; the other exports are for
 * migration tools.
 */
export { ABFile, type ABFileOptions } from './ab-file.js';
export type { ABEncoding } from './ab-format.js';
export type { LogCodec } from './entries.js';
export { IndexedWal } from './indexed-wal.js';
export { openWal } from './open.js';
export type { IndexedWalOptions, WalOptions } from './options.js';
export { readWal, type WalContent } from './state.js';
export { WalStore } from './store.js';
