/**
 * How metrics leave: on a channel of `node:diagnostics_channel`, without a dependency. Nothing is computed while nobody has subscribed.
 *
 * All stores of a process share the channel; a node has one.
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
 *   const { name, value, kind } = message as MetricSample;
 *   console.log(name, kind, value);
 * });
 * ```
 */
export const METRICS_CHANNEL = 'lanestore:metrics';

/** One value: what a counter grew by, what a gauge is now, what a histogram observes. */
export interface MetricSample {
  readonly name: MetricName;
  readonly value: number;
  /** For metrics with the label `kind`. */
  readonly kind?: EntryKind;
}

const metrics = channel(METRICS_CHANNEL);

/** True while somebody listens; ask before computing what is to be published. */
export function isMetered(): boolean {
  return metrics.hasSubscribers;
}

/** Publishes one value, if somebody listens. */
export function meter(name: Exclude<MetricName, EntryMetricName>, value: number): void {
  if (metrics.hasSubscribers) metrics.publish({ name, value } satisfies MetricSample);
}

/** The same for a metric that tells entries apart. */
export function meterEntries(name: EntryMetricName, kind: EntryKind, value: number): void {
  if (metrics.hasSubscribers) metrics.publish({ name, value, kind } satisfies MetricSample);
}
