/** Collects lanestore's metrics in a registry of `prom-client`, an optional peer dependency. */
import { Counter, Gauge, Histogram, type LabelValues, Registry } from 'prom-client';
import { withMethods } from '../base/options.js';
import { collectSamples, type Observer } from '../metrics/collect.js';
import type { MetricName, MetricRow } from '../metrics/index.js';

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
  return { registry, stop: collectSamples((name, row) => observer(name, row, registry)) };
}

function observer(name: MetricName, row: MetricRow, registry: Registry): Observer {
  const labelNames = row.labels === undefined ? ['store'] : ['store', 'kind'];
  const options = { name, help: row.help, labelNames, registers: [registry] };
  switch (row.kind) {
    case 'counter': {
      const counter = new Counter(options);
      return (value, labels) => counter.inc(labels as LabelValues<string>, value);
    }
    case 'gauge': {
      const gauge = new Gauge(options);
      return (value, labels) => gauge.set(labels as LabelValues<string>, value);
    }
    case 'histogram': {
      const histogram = new Histogram({ ...options, buckets: [...(row.buckets ?? [])] });
      return (value, labels) => histogram.observe(labels as LabelValues<string>, value);
    }
  }
}
