/** Moving a node's state between layouts, and a store between formats. */
export type { DataRows, ReadRow, RowEntry } from './data-rows.js';
export { type Comparison, compareStates, type Difference, diffStates } from './diff.js';
export type { DigestPart } from './digest.js';
export {
  type Detection,
  detectLayout,
  type Layout,
  ORIGINAL_LAYOUTS,
  type OriginalLayout,
  SEI_LAYOUT,
} from './layout.js';
export { viewSource } from './level-source.js';
export {
  exportState,
  importState,
  type MigrationOptions,
  type MigrationProgress,
  type MigrationReport,
} from './migrate.js';
export { openSource, openState } from './open-source.js';
export type { PostgresTarget } from './place.js';
export { readCommittees, readEpochs } from './read-committees.js';
export {
  type MigrateStoreOptions,
  type MigrateStoreReport,
  migrateStore,
} from './schema-steps.js';
export type { EntryPlace, Source, SourceEntry, SourceLog } from './source.js';
export { startState } from './start-rules.js';
export type { StepResult } from './step.js';
export { type StateReport, verifyState } from './verify-state.js';
