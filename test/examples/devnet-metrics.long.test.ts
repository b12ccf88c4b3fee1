/**
 * A devnet whose metrics are scraped while a node is damaged and repaired: every row of the table
 * changes. All values come from the stores themselves; the damage is done to their files from
 * outside (examples/devnet/trouble.ts).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runDevnet } from '../../examples/devnet/devnet.js';
import type { Stage } from '../../examples/devnet/trouble.js';
import { View } from '../../examples/devnet/view.js';
import { METRICS, type MetricName, type MetricRow, STORE_STATES } from '../../src/metrics/index.js';
import { inTemp } from '../support/temp.js';

const SCRAPE_MS = 25;

/** The values of a metric in a scraped page; for a histogram, its counts. */
function valuesOf(page: string, name: string, kind: string): number[] {
  const wanted = kind === 'histogram' ? `${name}_count` : name;
  return [...page.matchAll(new RegExp(`^${wanted}(?:\\{[^}]*\\})? ([0-9.e+-]+)$`, 'gm'))].map(([, value]) =>
    Number(value),
  );
}

/** A Prometheus with a short scrape interval. */
class Scraper {
  readonly pages: string[] = [];
  readonly byStage = new Map<Stage, string>();
  #port: number | undefined;
  #stopped = false;
  readonly #running = this.#run();

  /** Scrapes now, and then continues on schedule. */
  async at(stage: Stage, port: number | undefined): Promise<void> {
    this.#port = port;
    this.byStage.set(stage, await this.#scrape(port));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      // A killed node does not answer until it is back.
      if (this.#port !== undefined) await this.#scrape(this.#port).catch(() => undefined);
      await sleep(SCRAPE_MS);
    }
  }

  async #scrape(port: number | undefined): Promise<string> {
    const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    this.pages.push(page);
    return page;
  }
}

/**
 * The rows that have not changed: a counter or histogram, per label, that never grew, or a gauge
 * with a single value.
 */
function still(pages: readonly string[], name: MetricName, { kind, labels }: MetricRow): boolean {
  const series = pages.map((page) => valuesOf(page, name, kind));
  if (kind === 'gauge') return new Set(series.flat()).size < 2;
  return Array.from({ length: labels?.length ?? 1 }, (_, i) => i).some(
    (i) => !series.some((values) => (values[i] ?? 0) > 0),
  );
}

/** Metrics of the store on PostgreSQL, which test/adapter/postgres reads. */
const OF_POSTGRES: readonly MetricName[] = ['lanestore_replication_seconds', 'lanestore_snapshots'];

const test = suite('devnet: metrics');

test(
  'every metric of the table changes',
  inTemp(async (dir) => {
    const scraper = new Scraper();
    const summary = await runDevnet(
      {
        dir,
        nodes: 4,
        backend: 'level',
        rounds: 12,
        killsMin: 0,
        paceMs: 40,
        payloadBytes: 200_000,
        metricsPort: 0,
        timeoutMs: 100_000,
        trouble: true,
        onStage: (stage, port) => scraper.at(stage, port),
      },
      new View(false, () => undefined),
    );
    await scraper.stop();
    assert.equal([summary.violations, summary.failures], [[], []]);
    const rows = Object.entries(METRICS) as [MetricName, MetricRow][];
    const own = rows.filter(([name]) => !OF_POSTGRES.includes(name));
    assert.equal(
      own.filter(([name, row]) => still(scraper.pages, name, row)).map(([name]) => name),
      [],
    );
    const at = (stage: Stage, name: MetricName) =>
      valuesOf(scraper.byStage.get(stage) ?? '', name, METRICS[name].kind)[0];
    const { closed, open, failed } = STORE_STATES;
    assert.equal(
      (['healthy', 'failed', 'repaired', 'refused', 'restored'] as const).map((stage) => at(stage, 'lanestore_state')),
      [open, failed, open, closed, open],
    );
    assert.is(at('repaired', 'lanestore_recovery_findings_total'), 0);
    assert.ok(at('refused', 'lanestore_recovery_findings_total')! > 0);
    assert.is(at('repaired', 'lanestore_recovery_seconds'), 2, 'it was opened again');
  }),
);

test.run();
