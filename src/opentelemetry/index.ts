/** Passes lanestore's metrics to a Meter of `@opentelemetry/api`, an optional peer dependency. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Attributes, Meter } from '@opentelemetry/api';
import { withMethods } from '../base/options.js';
import { METRICS, METRICS_CHANNEL, type MetricName, type MetricRow, type MetricSample } from '../metrics/index.js';

/** A subscription that passes metrics to a Meter until `stop`. */
export interface OpenTelemetryMetrics {
  /** Unsubscribes from the metrics. The instruments keep their values. */
  stop(): void;
}

const checkMeter = withMethods<Meter>(
  'a Meter of @opentelemetry/api, from version 1.9 on',
  'createCounter',
  'createGauge',
  'createHistogram',
);

/** UCUM units, by the suffix of a metric's name. */
const UNITS = { _seconds: 's', _bytes: 'By', _ratio: '1' } as const;

/**
 * Creates an instrument of `meter` with the same name for each metric, and updates it from now on.
 * Attributes: `store`, and `kind` if the metric has it. Call this before the store is opened:
 * metrics of the open itself are published only once.
 * @throws TypeError if `meter` is not a Meter of @opentelemetry/api.
 * @example
 * ```ts
 * import { metrics } from '@opentelemetry/api';
 * import { autobahn, openLevel } from 'lanestore';
 * import { collectOpenTelemetry } from 'lanestore/opentelemetry';
 *
 * const { stop } = collectOpenTelemetry(metrics.getMeter('lanestore'));
 * const store = await openLevel('state', { model: autobahn });
 * await store.close();
 * stop();
 * ```
 */
export function collectOpenTelemetry(meter: Meter): OpenTelemetryMetrics {
  checkMeter(meter, 'collectOpenTelemetry: meter');
  const observers = new Map<MetricName, Observer>();
  for (const name of Object.keys(METRICS) as MetricName[]) observers.set(name, observer(name, METRICS[name], meter));
  const stores = new Set<string>();
  const listen = (message: unknown) => {
    const { name, value, ...attributes } = message as MetricSample;
    if (!stores.has(attributes.store)) {
      stores.add(attributes.store);
      startAtZero(attributes.store, observers);
    }
    observers.get(name)?.(value, attributes);
  };
  subscribe(METRICS_CHANNEL, listen);
  return { stop: () => void unsubscribe(METRICS_CHANNEL, listen) };
}

/** Records one value with its attributes. */
type Observer = (value: number, attributes: Attributes) => void;

/** Counters of a new store start at 0: otherwise `increase` does not see their first step. */
function startAtZero(store: string, observers: ReadonlyMap<MetricName, Observer>): void {
  for (const [name, observe] of observers) {
    const { kind, labels }: MetricRow = METRICS[name];
    if (kind !== 'counter') continue;
    for (const label of labels ?? [undefined]) observe(0, label === undefined ? { store } : { store, kind: label });
  }
}

function observer(name: MetricName, { kind, help, buckets }: MetricRow, meter: Meter): Observer {
  const unit = Object.entries(UNITS).find(([end]) => name.replace(/_total$/, '').endsWith(end))?.[1];
  const options = { description: help, ...(unit === undefined ? {} : { unit }) };
  switch (kind) {
    case 'counter': {
      const counter = meter.createCounter(name, options);
      return (value, attributes) => counter.add(value, attributes);
    }
    case 'gauge': {
      const gauge = meter.createGauge(name, options);
      return (value, attributes) => gauge.record(value, attributes);
    }
    case 'histogram': {
      const advice = { explicitBucketBoundaries: [...(buckets ?? [])] };
      const histogram = meter.createHistogram(name, { ...options, advice });
      return (value, attributes) => histogram.record(value, attributes);
    }
  }
}
