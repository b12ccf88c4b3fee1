/** The LevelDB backend. */
export type { LevelOptions } from './database.js';
export type { AnyLevel } from './engine.js';
export { openLevel } from './open.js';
export type { DatabaseOptions, LocationOptions, StoreOptions } from './options.js';
export { type PreflightOptions, type PreflightReport, preflight } from './preflight/index.js';
export type { ReadRange } from './reader.js';
export { type DecodedRecord, decodeRecord, isFault, type RecordFault } from './record.js';
export type { Schema } from './schema.js';
export { LevelStore, type RecoveryReport } from './store.js';
export type { Extent, Tip } from './tip.js';
export type { ValueOptions } from './values/options.js';
export * from './view/index.js';
export type { WitnessSlot } from './witness.js';
