/** A devnet whose metrics are scraped: every row of the table moves, but for those that only trouble moves (test/metrics). */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runDevnet } from '../../examples/devnet/devnet.js';
import { View } from '../../examples/devnet/view.js';
import { METRICS, type MetricName, type MetricRow } from '../../src/metrics/index.js';
import { inTemp } from '../support/temp.js';

/** A healthy node does not sweep 4096 keys at once, is not refused a round, and finds nothing wrong. */
const ONLY_IN_TROUBLE: readonly string[] = [
  'lanestore_swept_entries_total',
  'lanestore_refused_rounds_total',
  'lanestore_recovery_findings_total',
];

/** The values of a metric in a scraped page: of a histogram, its counts. */
function valuesOf(page: string, name: string, kind: string): number[] {
  const wanted = kind === 'histogram' ? `${name}_count` : name;
  return [...page.matchAll(new RegExp(`^${wanted}(?:\\{[^}]*\\})? ([0-9.e+-]+)$`, 'gm'))].map(([, value]) =>
    Number(value),
  );
}

const test = suite('devnet: metrics');

test(
  'every metric of the table moves',
  inTemp(async (dir) => {
    let page = '';
    const summary = await runDevnet(
      {
        dir,
        nodes: 4,
        backend: 'level',
        rounds: 6,
        killsMin: 0,
        paceMs: 40,
        payloadBytes: 200_000,
        metricsPort: 0,
        timeoutMs: 100_000,
        onMetrics: async (port) => {
          page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
        },
      },
      new View(false, () => undefined),
    );
    assert.equal([summary.violations, summary.failures], [[], []]);
    const still: string[] = [];
    for (const [name, { kind, labels }] of Object.entries(METRICS) as [MetricName, MetricRow][]) {
      if (ONLY_IN_TROUBLE.includes(name)) continue;
      const values = valuesOf(page, name, kind);
      const moves =
        kind === 'gauge'
          ? values.length === 1
          : values.length === (labels?.length ?? 1) && values.every((value) => value > 0);
      if (!moves) still.push(`${name}: ${values.join()}`);
    }
    assert.equal(still, []);
    assert.equal(valuesOf(page, 'lanestore_state', 'gauge'), [1]);
    for (const name of ['lanestore_free_disk_bytes', 'lanestore_value_file_bytes', 'lanestore_value_live_ratio'])
      assert.ok(valuesOf(page, name, 'gauge')[0]! > 0, name);
  }),
);

test.run();
