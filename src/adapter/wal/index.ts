/**
 * The segment-file WAL that lanestore stands in for, byte-compatible with sei-chain 11419398f (tidwall/wal segments, A/B files): to
 * migrate from, to export to, and to compare with. `openWal` gives the port; the pieces are for migration tools.
 */
export { ABFile, type ABFileOptions } from './ab-file.js';
export type { ABEncoding } from './ab-format.js';
export type { LogCodec } from './entries.js';
export { IndexedWal } from './indexed-wal.js';
export { openWal } from './open.js';
export type { IndexedWalOptions, WalOptions } from './options.js';
export { readWal, type WalContent } from './state.js';
export { WalStore } from './store.js';
