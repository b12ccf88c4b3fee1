/**
 * Metrics: the table of their names, and the channel on which they are published.
 * `lanestore/prometheus` fills a registry from it.
 */
export { METRICS_CHANNEL, type MetricSample } from './channel.js';
export { type EntryKind, METRICS, type MetricKind, type MetricName, type MetricRow, STORE_STATES } from './table.js';
