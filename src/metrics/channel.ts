/**
 * Metrics are published on a channel of `node:diagnostics_channel`, without a dependency. Nothing
 * is computed while the channel has no subscriber.
 *
 * All stores of a process share the channel; each sample names its store.
 */
import { channel } from 'node:diagnostics_channel';
import type { EntryKind, EntryMetricName, MetricName } from './table.js';

/**
 * The name of the channel; its messages are {@link MetricSample}s.
 * @example
 * ```ts
 * import { subscribe } from 'node:diagnostics_channel';
 * import { METRICS_CHANNEL, type MetricSample } from 'lanestore';
 *
 * subscribe(METRICS_CHANNEL, (message) => {
 *   const { name, value, store, kind } = message as MetricSample;
 *   console.log(store, name, kind, value);
 * });
 * ```
 */
export const METRICS_CHANNEL = 'lanestore:metrics';

/**
 * One value: the increment of a counter, the new value of a gauge, or one observation of a
 * histogram.
 */
export interface MetricSample {
  readonly name: MetricName;
  readonly value: number;
  /**
   * The value of the label `store`: the absolute path of the location, the table in PostgreSQL,
   * `noop`, or empty for a caller's database.
   */
  readonly store: string;
  /** The value of the label `kind`, for metrics that have it. */
  readonly kind?: EntryKind;
}

const metrics = channel(METRICS_CHANNEL);

/** True while the channel has a subscriber. Check it before computing a value to publish. */
export function isMetered(): boolean {
  return metrics.hasSubscribers;
}

/** Publishes one value of a store if the channel has a subscriber. */
export function meter(store: string, name: Exclude<MetricName, EntryMetricName>, value: number): void {
  if (metrics.hasSubscribers) metrics.publish({ name, value, store } satisfies MetricSample);
}

/** The same for a metric with the label `kind`. */
export function meterEntries(store: string, name: EntryMetricName, kind: EntryKind, value: number): void {
  if (metrics.hasSubscribers) metrics.publish({ name, value, store, kind } satisfies MetricSample);
}
