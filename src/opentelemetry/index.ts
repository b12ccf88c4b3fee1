/** Passes lanestore's metrics to a Meter of `@opentelemetry/api`, an optional peer dependency. */
import type { Meter } from '@opentelemetry/api';
import { withMethods } from '../base/options.js';
import { collectSamples, type Observer } from '../metrics/collect.js';
import type { MetricName, MetricRow } from '../metrics/index.js';

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
  return { stop: collectSamples((name, row) => observer(name, row, meter)) };
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
