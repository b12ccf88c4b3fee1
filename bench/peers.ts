/**
 * `npm run bench:peers [runs] [workloads] [dir]`: this store against other embedded stores. All
 * contenders of a run share one fresh process and take turns round by round, in rotating order.
 * Their syncs are counted in separate processes. Writes bench/results/peers.json and prints the
 * tables.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { positionals, resultsDir } from './args.js';
import { available, contenderOf } from './contenders/index.js';
import { PEERS } from './contenders/peers.js';
import { scratchRoot } from './disk.js';
import { describeMachine, type Machine } from './machine.js';
import { Others } from './others.js';
import { peersReport } from './peers-page.js';
import type { Latency } from './results.js';
import { digits, percentile, spread } from './stats.js';
import { canTrace, countSyncs, syncsPerRound } from './syncs.js';
import { takeTurns } from './turns.js';
import { describe, roundBlockBytes, WORKLOADS, type Workload, workloadOf } from './workload.js';

const NAMES = ['level', 'level-lanes', 'raw', 'limit', ...PEERS.map(({ name }) => name)];
const MIB = 1024 * 1024;
const COUNTED_ROUNDS = 10;
const SEED = 1;

/** The rounds of one contender in one run, in milliseconds. */
export interface Run {
  readonly p10: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** Median CPU time of the main thread; absent in results from before it was measured. */
  readonly cpu?: number;
}

export interface PeerFigures {
  readonly name: string;
  readonly description: string;
  readonly runs: readonly Run[];
  readonly roundMs: Latency;
  /** Counted by strace; null if it does not work here or the rounds are large. */
  readonly syncsPerRound: number | null;
}

/** The shape of `peers.json`. */
export interface PeerResults {
  readonly format: 1;
  readonly startedAt: string;
  readonly seconds: number;
  readonly machine: Machine;
  readonly othersCores: number | null;
  readonly runs: number;
  readonly skipped: readonly { readonly name: string; readonly reason: string }[];
  readonly workloads: readonly {
    readonly workload: Workload;
    readonly rounds: number;
    readonly warmUpRounds: number;
    readonly contenders: readonly PeerFigures[];
  }[];
}

/** Rounds that are measured, and as many of warm-up. */
function roundsOf(workload: Workload): number {
  return roundBlockBytes(workload) < 4 * MIB ? 400 : 60;
}

/** One run in this process; the answer goes to stdout. */
async function runHere(id: string, names: readonly string[], dir: string): Promise<void> {
  const workload = workloadOf(id);
  const rounds = roundsOf(workload);
  const turns = await takeTurns(names.map(contenderOf), workload, rounds, dir, rounds);
  const runs = turns.map(({ ms, cpuMs }): Run => {
    const at = (share: number) => percentile(ms, share);
    return { p10: at(0.1), p50: at(0.5), p99: at(0.99), max: at(1), cpu: percentile(cpuMs, 0.5) };
  });
  process.stdout.write(JSON.stringify(runs));
}

async function runInChild(id: string, names: readonly string[], dir: string): Promise<Run[]> {
  const args = [fileURLToPath(import.meta.url), 'run', id, names.join(), dir];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: MIB });
  return JSON.parse(stdout);
}

async function countAll(names: readonly string[], workload: Workload, dir: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  if (roundBlockBytes(workload) >= 4 * MIB || !(await canTrace())) return counts;
  for (const name of names) {
    const counted = await countSyncs(contenderOf(name), workload, SEED, COUNTED_ROUNDS, join(dir, 'counting'));
    counts.set(name, syncsPerRound(counted));
  }
  return counts;
}

async function measure(runs: number, ids: readonly string[], root: string): Promise<PeerResults> {
  const { kinds, skipped } = await available(NAMES);
  for (const { name, reason } of skipped) process.stderr.write(`${name} is skipped: ${reason}\n`);
  const names = kinds.map(({ name }) => name);
  const machine = describeMachine(root);
  const others = new Others();
  const startedAt = new Date().toISOString();
  const started = performance.now();
  const workloads = [];
  const dir = mkdtempSync(join(root, 'peers-'));
  try {
    for (const workload of ids.map(workloadOf)) {
      const measured: Run[][] = [];
      for (let run = 0; run < runs; run++) measured.push(await runInChild(workload.id, names, dir));
      const counts = await countAll(names, workload, dir);
      const contenders = kinds.map(({ name, description }, place): PeerFigures => {
        const own = measured.map((run) => run[place] as Run);
        const over = (pick: (run: Run) => number) => spread(own.map(pick));
        return {
          name,
          description,
          runs: own,
          roundMs: { p50: over(({ p50 }) => p50), p99: over(({ p99 }) => p99), max: over(({ max }) => max) },
          syncsPerRound: counts.get(name) ?? null,
        };
      });
      const rounds = roundsOf(workload);
      workloads.push({ workload, rounds, warmUpRounds: rounds, contenders });
      process.stderr.write(`${describe(workload)}: done after ${digits((performance.now() - started) / 1000)} s\n`);
    }
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  const seconds = (performance.now() - started) / 1000;
  return { format: 1, startedAt, seconds, machine, othersCores: others.cores(), runs, skipped, workloads };
}

async function main(): Promise<void> {
  const [first = '5', ids = WORKLOADS.map(({ id }) => id).join(), third, dir] = positionals(
    'npm run bench:peers -- [runs] [workloads] [dir]',
  );
  if (first === 'run') return runHere(ids, (third ?? '').split(','), dir ?? '');
  const results = await measure(Number(first), ids.split(','), scratchRoot(third));
  writeFileSync(join(resultsDir, 'peers.json'), `${JSON.stringify(results, null, 2)}\n`);
  process.stdout.write(peersReport(results));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();
