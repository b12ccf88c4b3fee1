/** The metrics that are published while something runs, by name. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { METRICS_CHANNEL, type MetricName, type MetricSample } from '../../src/metrics/index.js';

/** The values of each metric that is published while `work` runs, in their order. */
export async function metricsDuring(work: () => Promise<void>): Promise<ReadonlyMap<MetricName, readonly number[]>> {
  const values = new Map<MetricName, number[]>();
  const listen = (message: unknown) => {
    const { name, value } = message as MetricSample;
    values.set(name, [...(values.get(name) ?? []), value]);
  };
  subscribe(METRICS_CHANNEL, listen);
  try {
    await work();
  } finally {
    unsubscribe(METRICS_CHANNEL, listen);
  }
  return values;
}
