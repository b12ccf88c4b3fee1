/**
 * `node .build/bench/experiments/metrics-off.js [rounds] [dir]`: the cost of the metrics channel
 * per round, without a subscriber and with one that adds up the values, compared with a copy of the
 * compiled store that publishes nothing. All take turns round by round in one process. The store
 * without a subscriber runs twice, to show the difference between two equal stores.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { openLevel } from '../../src/index.js';
import { METRICS_CHANNEL, type MetricSample } from '../../src/metrics/index.js';
import { autobahn } from '../../src/model/autobahn/index.js';
import { NO_METRICS, type Patch, patchedBuild } from '../../test/faults/weakened.js';
import { positionals } from '../args.js';
import { scratchRoot } from '../disk.js';
import { RoundSource } from '../rounds.js';
import { digits, median, percentile, spread } from '../stats.js';
import { describe, workloadOf } from '../workload.js';

const SEED = 1;
const WARM_UP_ROUNDS = 300;
const WORKLOADS = ['i', 'iii'];
/** Number of parts of the run over which the spread is computed. */
const STRETCHES = 10;

/**
 * Loads a separate copy of the compiled tree: code shared by two stores would be warm earlier than
 * that of the others.
 */
async function storeOf(patch: Patch): Promise<typeof openLevel> {
  const module = await import(pathToFileURL(join(patchedBuild(patch), 'src', 'index.js')).href);
  return (module as { openLevel: typeof openLevel }).openLevel;
}

async function measure(id: string, rounds: number, root: string): Promise<string> {
  const dir = mkdtempSync(join(root, 'metrics-'));
  const workload = workloadOf(id);
  const source = new RoundSource(workload, SEED);
  const kinds = [
    { patch: NO_METRICS, listens: false },
    { patch: { name: 'whole', replacements: [] }, listens: false },
    { patch: { name: 'whole again', replacements: [] }, listens: false },
    { patch: { name: 'whole listened to', replacements: [] }, listens: true },
  ];
  try {
    const variants = [];
    for (const { patch, listens } of kinds) {
      const store = await (await storeOf(patch))(join(dir, patch.name), { model: autobahn });
      variants.push({ store, listens, ms: [] as number[] });
    }
    for (let round = 0; round < WARM_UP_ROUNDS + rounds; round++) {
      const { lanes: _, ...entries } = source.next();
      const first = round % variants.length;
      for (const { store, listens, ms } of [...variants.slice(first), ...variants.slice(0, first)]) {
        // All stores of a process share the channel: subscribe only during the rounds of this one.
        if (listens) subscribe(METRICS_CHANNEL, addUp);
        const start = performance.now();
        await store.persist(entries);
        if (round >= WARM_UP_ROUNDS) ms.push(performance.now() - start);
        if (listens) unsubscribe(METRICS_CHANNEL, addUp);
      }
    }
    for (const { store } of variants) await store.close();
    const [out, ...others] = variants.map(({ ms }) => ms) as [number[], ...number[][]];
    const cells = [digits(median(out)), ...others.map((ms) => ratio(ms, out))];
    return `| ${[describe(workload), ...cells].join(' | ')} |`;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const sums = new Map<string, number>();

function addUp(message: unknown): void {
  const { name, value } = message as MetricSample;
  sums.set(name, (sums.get(name) ?? 0) + value);
}

/** The ratio of the p50s, with the lowest and the highest ratio of the parts. */
function ratio(ms: readonly number[], base: readonly number[]): string {
  const length = Math.ceil(ms.length / STRETCHES);
  const part = (all: readonly number[], i: number) => percentile(all.slice(i * length, (i + 1) * length), 0.5);
  const { min, max } = spread(Array.from({ length: STRETCHES }, (_, i) => part(ms, i) / part(base, i)));
  return `${digits(percentile(ms, 0.5) / percentile(base, 0.5))} (${digits(min)} to ${digits(max)})`;
}

const [rounds = '1000', where] = positionals('node .build/bench/experiments/metrics-off.js [rounds] [dir]');
const root = scratchRoot(where);
process.stdout.write(`load before: ${loadavg()[0]?.toFixed(2)} on ${availableParallelism()} cores\n\n`);
process.stdout.write(
  '| workload | without metrics, p50 ms | no subscriber | no subscriber, again | one subscriber |\n',
);
process.stdout.write('|---|---|---|---|---|\n');
for (const id of WORKLOADS) process.stdout.write(`${await measure(id, Number(rounds), root)}\n`);
