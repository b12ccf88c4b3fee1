/** The LevelDB backend. */
export type { LevelOptions } from './database.js';
export type { AnyLevel } from './engine.js';
export { openLevel } from './open.js';
export type { DatabaseOptions, LocationOptions, StoreOptions } from './options.js';
export type { ReadRange } from './reader.js';
export { LevelStore, type RecoveryReport } from './store.js';
