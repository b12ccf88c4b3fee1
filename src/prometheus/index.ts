/** Collects lanestore's metrics in a registry of `prom-client`, an optional peer dependency. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { withMethods } from '../base/options.js';
import { METRICS, METRICS_CHANNEL, type MetricName, type MetricRow, type MetricSample } from '../metrics/index.js';

/** A registry that receives metrics until `stop`. */
export interface PrometheusMetrics {
  readonly registry: Registry;
  /** Unsubscribes from the metrics. The registry keeps its values. */
  stop(): void;
}

const checkRegistry = withMethods<Registry>('a Registry of prom-client', 'registerMetric');

/**
 * Registers all metrics in `registry` (default: a new one) and updates them from now on. Call it
 * before the store is opened: metrics of the open itself are published only once.
 * @throws TypeError if `registry` is not a Registry of prom-client.
 * @example
 * ```ts
 * import { autobahn, openLevel } from 'lanestore';
 * import { collectPrometheus } from 'lanestore/prometheus';
 *
 * const { registry, stop } = collectPrometheus();
 * const store = await openLevel('state', { model: autobahn });
 * console.log(await registry.metrics()); // what a handler of GET /metrics sends
 * await store.close();
 * stop();
 * ```
 */
export function collectPrometheus(registry: Registry = new Registry()): PrometheusMetrics {
  checkRegistry(registry, 'collectPrometheus: registry');
  const observers = new Map<MetricName, (value: number, kind: string | undefined) => void>();
  for (const name of Object.keys(METRICS) as MetricName[]) observers.set(name, observer(name, METRICS[name], registry));
  const listen = (message: unknown) => {
    const { name, value, kind } = message as MetricSample;
    observers.get(name)?.(value, kind);
  };
  subscribe(METRICS_CHANNEL, listen);
  return { registry, stop: () => void unsubscribe(METRICS_CHANNEL, listen) };
}

function observer(name: MetricName, row: MetricRow, registry: Registry): (value: number, kind?: string) => void {
  const labelNames = row.labels === undefined ? [] : ['kind'];
  const options = { name, help: row.help, labelNames, registers: [registry] };
  const labels = (kind: string | undefined): Record<string, string> => (kind === undefined ? {} : { kind });
  switch (row.kind) {
    case 'counter': {
      const counter = new Counter(options);
      return (value, kind) => counter.inc(labels(kind), value);
    }
    case 'gauge': {
      const gauge = new Gauge(options);
      // A gauge without a sample must be absent: 0 would mean a closed store or a full disk.
      gauge.remove();
      return (value, kind) => gauge.set(labels(kind), value);
    }
    case 'histogram': {
      const histogram = new Histogram({ ...options, buckets: [...(row.buckets ?? [])] });
      return (value, kind) => histogram.observe(labels(kind), value);
    }
  }
}
