/** Metrics: the table of their names, and the channel that they are published on. `lanestore/prometheus` makes a registry of them. */
export { METRICS_CHANNEL, type MetricSample } from './channel.js';
export { type EntryKind, METRICS, type MetricKind, type MetricName, type MetricRow, STORE_STATES } from './table.js';
