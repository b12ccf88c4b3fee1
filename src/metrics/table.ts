/**
 * All metrics: name, kind and unit. Names end in the unit, as Prometheus recommends: `_total` for
 * counters, `_seconds`, `_bytes`, `_ratio`. Names and units never change; metrics may be added.
 */

/**
 * The kind of a metric. A counter only grows, a gauge is a current value, a histogram is a
 * distribution.
 */
export type MetricKind = 'counter' | 'gauge' | 'histogram';

/** One row of the table. */
export interface MetricRow {
  readonly kind: MetricKind;
  readonly help: string;
  /** The values of the label `kind`; absent if the metric has no label. */
  readonly labels?: readonly string[];
  /** Upper bounds of the buckets, in the unit of the name. */
  readonly buckets?: readonly number[];
}

const ENTRIES = ['block', 'commit_qc', 'anchor'] as const;
const FAST_SECONDS = [0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5];
const DISK_SECONDS = [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5];
const OPEN_SECONDS = [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60];
const KIB = 1024;
const BYTES = [KIB, 4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB, 1024 * KIB, 4096 * KIB, 16384 * KIB];

/** All metrics. */
export const METRICS = {
  lanestore_rounds_total: { kind: 'counter', help: 'Rounds that have become durable.' },
  lanestore_refused_rounds_total: { kind: 'counter', help: 'Rounds that were refused; nothing of them was stored.' },
  lanestore_persisted_entries_total: { kind: 'counter', help: 'Entries that have become durable.', labels: ENTRIES },
  lanestore_truncated_entries_total: { kind: 'counter', help: 'Blocks and CommitQCs that an anchor made stale.' },
  lanestore_swept_entries_total: {
    kind: 'counter',
    help: 'Stale keys that the background sweeper deleted (level).',
  },
  lanestore_encoded_bytes_total: { kind: 'counter', help: 'Bytes of accepted records.' },
  lanestore_encode_seconds: {
    kind: 'histogram',
    help: 'Time to check, plan and encode one round.',
    buckets: FAST_SECONDS,
  },
  lanestore_durable_seconds: {
    kind: 'histogram',
    help: 'Time from the call until the entry is durable.',
    labels: ENTRIES,
    buckets: DISK_SECONDS,
  },
  lanestore_batch_seconds: {
    kind: 'histogram',
    help: 'Time in which LevelDB writes and syncs one batch; its separated values are durable before (level).',
    buckets: DISK_SECONDS,
  },
  lanestore_value_sync_seconds: {
    kind: 'histogram',
    help: 'Time to write and sync separated values of a batch (level).',
    buckets: DISK_SECONDS,
  },
  lanestore_batch_bytes: { kind: 'histogram', help: 'Bytes of the puts of one batch (level).', buckets: BYTES },
  lanestore_queue_rounds: { kind: 'gauge', help: 'Accepted rounds that are not durable yet.' },
  lanestore_queue_bytes: { kind: 'gauge', help: 'Bytes in the write queue (level).' },
  lanestore_value_file_bytes: { kind: 'gauge', help: 'Size of the value files on disk (level).' },
  lanestore_value_live_ratio: {
    kind: 'gauge',
    help: 'Share of the value files that holds live values, 0 to 1 (level).',
  },
  lanestore_free_disk_bytes: { kind: 'gauge', help: 'Free space on the disk of the store (level).' },
  lanestore_replication_seconds: {
    kind: 'histogram',
    help: 'Time from sending a batch until enough standbys are known to have flushed it (postgres).',
    buckets: DISK_SECONDS,
  },
  lanestore_snapshots: { kind: 'gauge', help: 'Read snapshots that are open (postgres).' },
  lanestore_recovery_seconds: { kind: 'histogram', help: 'Time to open a store (level).', buckets: OPEN_SECONDS },
  lanestore_recovery_findings_total: {
    kind: 'counter',
    help: 'Findings of refused opens (level).',
  },
  lanestore_state: { kind: 'gauge', help: 'State of the store: 0 closed, 1 open, 2 failed.' },
} as const satisfies Record<string, MetricRow>;

/** A name of the table {@link METRICS}. */
export type MetricName = keyof typeof METRICS;

/** The metrics with the label `kind`. */
export type EntryMetricName = 'lanestore_persisted_entries_total' | 'lanestore_durable_seconds';

/** A value of the label `kind`. */
export type EntryKind = (typeof ENTRIES)[number];

/** Values of `lanestore_state`. */
export const STORE_STATES = { closed: 0, open: 1, failed: 2 } as const;
