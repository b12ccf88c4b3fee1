/**
 * `npm run bench:peers [runs] [workloads] [dir]`: this store against other embedded stores. All
 * contenders of a run share one fresh process and take turns round by round, in alternating order.
 * Their syncs are counted in separate processes. Writes bench/results/peers.json and prints the
 * tables.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { wrapProse } from '../test/support/wrap.js';
import { positionals, resultsDir } from './args.js';
import { available, contenderOf } from './contenders/index.js';
import { PEERS } from './contenders/peers.js';
import { scratchRoot } from './disk.js';
import { describeMachine, type Machine } from './machine.js';
import { Others } from './others.js';
import type { Latency } from './results.js';
import { digits, median, percentile, spread } from './stats.js';
import { canTrace, countSyncs, syncsPerRound } from './syncs.js';
import { PEER_TARGETS, targetsTable } from './targets.js';
import { takeTurns } from './turns.js';
import { describe, roundBlockBytes, WORKLOADS, type Workload, workloadOf } from './workload.js';

const NAMES = ['level', 'level-lanes', 'raw', 'limit', ...PEERS.map(({ name }) => name)];
const MIB = 1024 * 1024;
const COUNTED_ROUNDS = 10;
const SEED = 1;

/** The rounds of one contender in one run, in milliseconds. */
interface Run {
  readonly p10: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

interface PeerFigures {
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
  const runs = turns.map(({ ms }): Run => {
    const at = (share: number) => percentile(ms, share);
    return { p10: at(0.1), p50: at(0.5), p99: at(0.99), max: at(1) };
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

/** The report: conditions, ratios, targets, and the figures of each contender. */
export function peersReport(results: PeerResults): string {
  const { workloads, machine, startedAt, runs } = results;
  const ids = workloads.map(({ workload }) => workload.id);
  const names = workloads[0]?.contenders.map(({ name }) => name) ?? [];
  const head = (first: string) => [`| ${[first, ...ids].join(' | ')} |`, `|---|${ids.map(() => '---|').join('')}`];
  const table = (first: string, cell: (contender: PeerFigures, all: readonly PeerFigures[]) => string) => [
    ...head(first),
    ...names.map((name) => {
      const cells = workloads.map(({ contenders }) => {
        const found = contenders.find((contender) => contender.name === name);
        return found === undefined ? '-' : cell(found, contenders);
      });
      return `| ${[name, ...cells].join(' | ')} |`;
    }),
    '',
  ];
  const ratio = (other: PeerFigures, all: readonly PeerFigures[], pick: (run: Run) => number) => {
    const own = all.find(({ name }) => name === 'level')?.runs ?? [];
    const ratios = own.map((run, i) => pick(run) / pick(other.runs[i] as Run));
    const range = ratios.length < 2 ? '' : ` (${digits(Math.min(...ratios))}-${digits(Math.max(...ratios))})`;
    return `${digits(median(ratios))}${range}`;
  };
  const busy = results.othersCores === null ? 'an unknown number of' : digits(results.othersCores, 2);
  return [
    wrapProse(
      `\`npm run bench:peers\`, ${startedAt.slice(0, 16)}Z: ${machine.cpu}, ${machine.cores} cores, ` +
        `${machine.fileSystem}, ${machine.disk}, Node ${machine.node}; load before ${digits(machine.loadBefore, 2)}; ` +
        `other processes kept ${busy} cores busy. ${runs === 1 ? 'One run' : `Medians of ${runs} runs`}, each ` +
        'in a fresh process in which all contenders take turns round by round: ' +
        `${workloads.map(({ workload, rounds, warmUpRounds }) => `${workload.id} ${rounds} rounds after ${warmUpRounds}`).join(', ')}.`,
    ),
    '',
    ...table('level / it, p50', (other, all) => ratio(other, all, ({ p50 }) => p50)),
    ...table('level / it, p99', (other, all) => ratio(other, all, ({ p99 }) => p99)),
    ...table('p50 of a round, ms', ({ roundMs }) => digits(roundMs.p50.median)),
    ...table('syncs a round', (contender) =>
      contender.syncsPerRound === null ? '-' : digits(contender.syncsPerRound, 2),
    ),
    targetsTable(workloads, PEER_TARGETS),
    ...(workloads[0]?.contenders ?? []).map(({ name, description }) =>
      wrapProse(`- **${name}**: ${description}`, '  '),
    ),
    ...results.skipped.map(({ name, reason }) => `- **${name}** did not run: ${reason}`),
    '',
  ].join('\n');
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
