/** Passes samples on to observers: for the registries of other libraries. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { METRICS_CHANNEL, type MetricSample } from './channel.js';
import { METRICS, type MetricName, type MetricRow } from './table.js';

/** The labels of a sample. */
export type SampleLabels = Omit<MetricSample, 'name' | 'value'>;
/** Takes one value of a metric. */
export type Observer = (value: number, labels: SampleLabels) => void;

/**
 * Passes each sample to the observer of its metric, which `observer` makes. The counters of a store
 * start at 0 with its first sample: otherwise `increase` of Prometheus does not see their first
 * step. Returns a function that ends this.
 */
export function collectSamples(observer: (name: MetricName, row: MetricRow) => Observer): () => void {
  const rows = Object.entries(METRICS) as [MetricName, MetricRow][];
  const observers = new Map(rows.map(([name, row]) => [name, observer(name, row)]));
  const stores = new Set<string>();
  const startAtZero = (store: string) => {
    stores.add(store);
    for (const [name, { kind, labels = [undefined] }] of rows) {
      if (kind !== 'counter') continue;
      for (const label of labels) {
        observers.get(name)?.(0, (label === undefined ? { store } : { store, kind: label }) as SampleLabels);
      }
    }
  };
  const listen = (message: unknown) => {
    const { name, value, ...labels } = message as MetricSample;
    if (!stores.has(labels.store)) startAtZero(labels.store);
    observers.get(name)?.(value, labels);
  };
  subscribe(METRICS_CHANNEL, listen);
  return () => void unsubscribe(METRICS_CHANNEL, listen);
}
