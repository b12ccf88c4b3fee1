/** The LevelDB backend. */

export { entriesBelow } from '../../base/directories.js';
export { type RawEntry, rawModel } from '../../model/raw.js';
export { type CompactOptions, type CompactReport, compactStore, type LevelSize } from './compact.js';
export type { LevelOptions } from './database.js';
export type { AnyLevel } from './engine.js';
export { type ForgetSinksOptions, type ForgetSinksReport, forgetSinks } from './forget-sinks.js';
export { type DecodedRecord, decodeRecord, isFault, type RecordFault } from './format/record.js';
export { OLDEST_READ, readSchema, type Schema } from './format/schema.js';
export { type Extent, parseTip, type Tip } from './format/tip.js';
export { decodeReference, isReference, type ValueRef } from './format/value-ref.js';
export type { StoredQuarantine, StoredVotes } from './format/votes.js';
export type { WitnessSlot } from './format/witness.js';
export {
  exportHistory,
  type HandoverOptions,
  type HistoryOptions,
  handover,
  handoverRequest,
  type ImportHistoryOptions,
  type ImportHistoryReport,
  importHistory,
} from './handover.js';
export { openLevel } from './open/open.js';
export type { DatabaseOptions, LocationOptions, StoreOptions } from './options.js';
export { type PreflightOptions, type PreflightReport, preflight } from './preflight/index.js';
export {
  type KeyVersion,
  type KeyVersions,
  keyVersions,
  type LevelMap,
  levelMap,
  type MappedLog,
  type MappedTable,
} from './preflight/level-map.js';
export type { ReadRange } from './read/reader.js';
export { type ReleaseOptions, type ReleaseReport, releaseStore } from './release.js';
export { LevelStore, type RecoveryReport } from './store.js';
export type { StoreLocation } from './store-location.js';
export type { ValueOptions } from './values/options.js';
export * from './view/index.js';
