/** lanestore: crash-safe, verifiable persistence for the nodes of a multi-lane BFT protocol. Everything that is public. */
export * from './adapter/index.js';
export * from './adapter/level/index.js';
export * from './adapter/wal/index.js';
export * from './avail/index.js';
export * from './errors.js';
export * from './guard/index.js';
export * from './keys/index.js';
export * from './metrics/index.js';
export * from './migrations/index.js';
export * from './model/autobahn/index.js';
export type * from './model/index.js';
