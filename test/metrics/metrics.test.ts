/**
 * Metrics: one table; events are published only while a subscriber exists. These tests check the
 * exact events of each backend. test/examples/devnet-metrics.long.test.ts checks that every row
 * changes on a scraped node.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Attributes, type Meter, metrics as otel } from '@opentelemetry/api';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openNoop } from '../../src/adapter/index.js';
import { openLevel } from '../../src/adapter/level/index.js';
import {
  METRICS,
  METRICS_CHANNEL,
  type MetricName,
  type MetricRow,
  type MetricSample,
} from '../../src/metrics/index.js';
import { collectOpenTelemetry } from '../../src/opentelemetry/index.js';
import { collectPrometheus } from '../../src/prometheus/index.js';
import { refused, rewriteBody } from '../support/faults.js';
import { packageRoot } from '../support/fixtures.js';
import { HeldLevel, sweepingEnds } from '../support/held-level.js';
import { plain, plainAnchor, plainBlock, plainBlocks, plainQC } from '../support/plain-model.js';
import { inTemp } from '../support/temp.js';

const test = suite('metrics');
const rows = Object.entries(METRICS) as [MetricName, MetricRow][];

/** The events published while `work` runs. */
async function heard(work: () => Promise<void>): Promise<MetricSample[]> {
  const samples: MetricSample[] = [];
  const listen = (message: unknown) => void samples.push(message as MetricSample);
  subscribe(METRICS_CHANNEL, listen);
  try {
    await work();
  } finally {
    unsubscribe(METRICS_CHANNEL, listen);
  }
  return samples;
}

const values = (samples: readonly MetricSample[], name: MetricName, kind?: string) =>
  samples.filter((sample) => sample.name === name && sample.kind === kind).map(({ value }) => value);
const sum = (samples: readonly MetricSample[], name: MetricName, kind?: string) =>
  values(samples, name, kind).reduce((total, value) => total + value, 0);

test('names carry their unit, counters end in _total, histograms have buckets', () => {
  for (const [name, { kind, buckets, help }] of rows) {
    assert.match(name, /^lanestore_[a-z_]+$/);
    assert.is(name.endsWith('_total'), kind === 'counter', name);
    assert.is(buckets !== undefined, kind === 'histogram', name);
    assert.equal(
      [...(buckets ?? [])],
      [...(buckets ?? [])].sort((a, b) => a - b),
      name,
    );
    assert.ok(help.endsWith('.'), name);
  }
});

for (const [name, open] of [
  ['noop', () => openNoop({ model: plain })],
  ['level', () => openLevel({ db: new HeldLevel(), model: plain })],
] as const) {
  test(`events of rounds, on ${name}`, async () => {
    const samples = await heard(async () => {
      const store = await open();
      await store.persist({ commitQCs: [plainQC(0), plainQC(1, { '0a': 4 })], blocks: plainBlocks('0a', 0, 6) });
      await store.persist({ anchor: plainAnchor(1, { '0a': 4 }) });
      await refused(store.persist({ blocks: [plainBlock('0a', 99)] }), 'LANESTORE_OUT_OF_SEQUENCE');
      await store.close();
    });
    assert.is(sum(samples, 'lanestore_rounds_total'), 2);
    assert.is(sum(samples, 'lanestore_refused_rounds_total'), 1);
    assert.is(sum(samples, 'lanestore_persisted_entries_total', 'block'), 6);
    assert.is(sum(samples, 'lanestore_persisted_entries_total', 'commit_qc'), 2);
    assert.is(sum(samples, 'lanestore_persisted_entries_total', 'anchor'), 1);
    assert.is(sum(samples, 'lanestore_truncated_entries_total'), 5, 'four blocks and a CommitQC');
    assert.is(values(samples, 'lanestore_queue_rounds').at(-1), 0);
    assert.equal(values(samples, 'lanestore_state'), [1, 0]);
    assert.is(values(samples, 'lanestore_durable_seconds', 'block').length, 1);
  });
}

test(
  'sweeping, a failure and a refused open are published',
  inTemp(async (dir) => {
    const db = new HeldLevel();
    const swept = await heard(async () => {
      const store = await openLevel({ db, model: plain });
      await store.persist({ blocks: plainBlocks('0a', 0, 4500) });
      await store.persist({ anchor: plainAnchor(0, { '0a': 4400 }) });
      await sweepingEnds(db);
      db.failAfter(0, new Error('EIO'));
      await refused(store.persist({ blocks: plainBlocks('0b', 0, 1) }), 'LANESTORE_FAILED');
      await store.close();
    });
    assert.ok(sum(swept, 'lanestore_swept_entries_total') > 0);
    assert.equal(values(swept, 'lanestore_state'), [1, 2, 0]);
    const location = join(dir, 'store');
    const first = await openLevel(location, { model: plain });
    await first.persist({ blocks: plainBlocks('0a', 0, 2) });
    await first.close();
    await rewriteBody(location, 'lane/0a/00000000000000000001', (body) => ({ ...body, number: 7n }));
    const found = await heard(async () => {
      await refused(openLevel(location, { model: plain }), 'LANESTORE_CORRUPT');
    });
    assert.is(sum(found, 'lanestore_recovery_findings_total'), 1);
  }),
);

test(
  'the sync of separated values is measured apart from that of the batch',
  inTemp(async (location) => {
    const samples = await heard(async () => {
      const store = await openLevel(location, {
        model: plain,
        values: { valueBytesMin: 1024, batchBytesMin: 1024, waitBytesMin: 1 },
      });
      await store.persist({ blocks: [plainBlock('0a', 0, new Uint8Array(64 * 1024))] });
      await store.close();
    });
    assert.ok(values(samples, 'lanestore_value_sync_seconds').every((seconds) => seconds > 0));
    assert.is(values(samples, 'lanestore_value_sync_seconds').length, 1);
    assert.is(values(samples, 'lanestore_batch_seconds').length, 1);
  }),
);

test(
  'each sample names its store: two stores of a process are told apart',
  inTemp(async (dir) => {
    const metrics = collectPrometheus();
    const places = ['a', 'b'].map((name) => join(dir, name)) as [string, string];
    const stores = [
      await openLevel(places[0], { model: plain }),
      await openLevel(places[1], { model: plain }),
    ] as const;
    await stores[0].persist({ blocks: plainBlocks('0a', 0, 2) });
    await stores[0].close();
    await rewriteBody(places[0], 'lane/0a/00000000000000000001', (body) => ({ ...body, number: 7n }));
    await refused(openLevel(places[0], { model: plain }), 'LANESTORE_CORRUPT');
    const text = await metrics.registry.metrics();
    metrics.stop();
    await stores[1].close();
    const sampleOf = (name: string, place: string) =>
      text
        .split('\n')
        .find((line) => line.startsWith(`${name}{store="${place}"}`))
        ?.split(' ')[1];
    assert.equal(
      places.map((place) => sampleOf('lanestore_state', place)),
      ['0', '1'],
    );
    assert.equal(
      places.map((place) => sampleOf('lanestore_rounds_total', place)),
      ['1', '0'],
    );
    assert.equal(
      places.map((place) => sampleOf('lanestore_recovery_findings_total', place)),
      ['1', '0'],
    );
  }),
);

test('OpenTelemetry: an instrument for each row, with its unit, and the attributes of each value', async () => {
  const found = new Map<string, { kind: string; unit?: string; values: [number, Attributes][] }>();
  const make =
    (kind: string) =>
    (name: string, options: { unit?: string; description?: string } = {}) => {
      assert.is(options.description, METRICS[name as MetricName].help);
      const values: [number, Attributes][] = [];
      found.set(name, { kind, ...(options.unit === undefined ? {} : { unit: options.unit }), values });
      const take = (value: number, attributes: Attributes) => void values.push([value, attributes]);
      return { add: take, record: take };
    };
  const meter = { createCounter: make('counter'), createGauge: make('gauge'), createHistogram: make('histogram') };
  const { stop } = collectOpenTelemetry(meter as unknown as Meter);
  const store = await openNoop({ model: plain });
  await store.persist({ blocks: plainBlocks('0a', 0, 2) });
  stop();
  await store.persist({ blocks: plainBlocks('0a', 2, 3) });
  await store.close();
  for (const [name, { kind }] of rows) assert.is(found.get(name)?.kind, kind, name);
  assert.equal(
    ['lanestore_queue_bytes', 'lanestore_encoded_bytes_total', 'lanestore_batch_seconds', 'lanestore_state'].map(
      (name) => found.get(name)?.unit,
    ),
    ['By', 'By', 's', undefined],
  );
  // Counters begin at 0, so that their first step counts.
  assert.equal(found.get('lanestore_rounds_total')?.values, [
    [0, { store: 'noop' }],
    [1, { store: 'noop' }],
  ]);
  assert.equal(found.get('lanestore_persisted_entries_total')?.values, [
    ...['block', 'commit_qc', 'anchor'].map((kind): [number, Attributes] => [0, { store: 'noop', kind }]),
    [2, { store: 'noop', kind: 'block' }],
  ]);
  assert.throws(() => collectOpenTelemetry({} as Meter), /Meter of @opentelemetry\/api/);
  // The API alone, without an SDK, has a Meter that does nothing.
  collectOpenTelemetry(otel.getMeter('lanestore')).stop();
});

test('maxBatchDeletes: deletes beyond it are swept, and the content is the same in the end', async () => {
  const contents: string[][] = [];
  for (const maxBatchDeletes of [1, 3, 4096]) {
    const db = new HeldLevel();
    const samples = await heard(async () => {
      const store = await openLevel({ db, model: plain, maxBatchDeletes });
      await store.persist({ blocks: plainBlocks('0a', 0, 9) });
      await store.persist({ anchor: plainAnchor(0, { '0a': 6 }) });
      await sweepingEnds(db);
      await store.close();
    });
    assert.is(sum(samples, 'lanestore_swept_entries_total'), Math.max(0, 6 - maxBatchDeletes), `${maxBatchDeletes}`);
    const content = await db.content();
    contents.push([...content.keys()]);
  }
  assert.equal(contents[0], contents[2]);
  assert.equal(contents[1], contents[2]);
  for (const maxBatchDeletes of [0, 1.5])
    await refused(openLevel({ db: new HeldLevel(), model: plain, maxBatchDeletes }), 'LANESTORE_INVALID');
});

test('a registry has every row, counts while it is subscribed, and stops on request', async () => {
  const metrics = collectPrometheus();
  const before = await metrics.registry.metrics();
  for (const [name, { kind }] of rows)
    if (kind === 'gauge')
      assert.not.match(before, new RegExp(`^${name}[ {]`, 'm'), 'a gauge without a published value is absent');
  const store = await openNoop({ model: plain });
  await store.persist({ blocks: plainBlocks('0a', 0, 2) });
  const text = await metrics.registry.metrics();
  assert.match(text, /^lanestore_rounds_total\{store="noop"\} 1$/m);
  assert.match(text, /^lanestore_persisted_entries_total\{store="noop",kind="block"\} 2$/m);
  for (const [name, { kind, help }] of rows) {
    assert.ok(text.includes(`# TYPE ${name} ${kind}`), name);
    assert.ok(text.includes(`# HELP ${name} ${help}`), name);
  }
  metrics.stop();
  await store.persist({ blocks: plainBlocks('0a', 2, 3) });
  assert.match(await metrics.registry.metrics(), /^lanestore_rounds_total\{store="noop"\} 1$/m);
  await store.close();
});

test('the dashboard shows every metric, and no other', () => {
  const dashboard = readFileSync(join(packageRoot, 'docs/grafana-dashboard.json'), 'utf8');
  JSON.parse(dashboard);
  const names = [...dashboard.matchAll(/lanestore_[a-z_]+/g)].map(([name]) => name.replace(/_(?:bucket|sum)$/, ''));
  assert.equal([...new Set(names)].sort(), rows.map(([name]) => name).sort());
});

test.run();
