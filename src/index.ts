/**
 * lanestore: crash-safe, verifiable persistence for the nodes of a multi-lane BFT protocol. What a node needs; everything here is also in
 * the subpath of its room, which has more: keys as text, the planner that backends are built on, the pieces of the segment-file WAL, the
 * readers of the original's layouts. API.md lists all of it.
 *
 * @module lanestore
 */
export {
  type AnchorPersister,
  type BlockPersister,
  type CommitQCPersister,
  type Cursor,
  type Cursors,
  type DurableHooks,
  type LimitOptions,
  type NoopOptions,
  openNoop,
  type Persistence,
  type PlanLimitOptions,
  type Recovered,
  type Round,
} from './adapter/index.js';
export {
  type AnyLevel,
  type DatabaseOptions,
  type Extent,
  type Extents,
  type LevelOptions,
  type LevelStore,
  type LocationOptions,
  openLevel,
  openView,
  type PreflightOptions,
  type PreflightReport,
  preflight,
  type ReadRange,
  type RecoveryReport,
  removePrivateCopies,
  type Schema,
  type SnapshotOptions,
  type SnapshotReport,
  type StoredAt,
  type StoreFile,
  type StoreOptions,
  type StoreView,
  snapshot,
  type Tip,
  type ValueOptions,
  type VerifyOptions,
  type VerifyReport,
  type ViewEntry,
  type ViewItem,
  type ViewOptions,
  type ViewRange,
  verify,
  type WitnessSlot,
  type WitnessView,
} from './adapter/level/index.js';
export {
  type ABEncoding,
  openWal,
  readWal,
  type WalContent,
  type WalOptions,
  type WalStore,
} from './adapter/wal/index.js';
export {
  type AvailOptions,
  type AvailState,
  type BlockStream,
  type DropCounts,
  type Epoch,
  type HeaderStream,
  type LoadReport,
  type NodeStore,
  openAvail,
  type Pushed,
} from './avail/index.js';
export * from './errors.js';
export {
  ENTRY_NUMBER_MAX,
  isLaneId,
  LANE_ID_BYTES_MAX,
  type LaneId,
  laneBytes,
  laneId,
  laneIdOf,
  U64_MAX,
} from './keys/index.js';
export { type EntryKind, METRICS_CHANNEL, type MetricName, type MetricSample } from './metrics/index.js';
export {
  type Detection,
  type DigestPart,
  detectLayout,
  exportState,
  importState,
  type Layout,
  type MigrateStoreOptions,
  type MigrateStoreReport,
  type MigrationOptions,
  type MigrationProgress,
  type MigrationReport,
  migrateStore,
  type OriginalLayout,
  type StepResult,
} from './migrations/index.js';
export * from './model/autobahn/index.js';
export type * from './model/index.js';
