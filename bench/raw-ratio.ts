/**
 * `node .build/bench/raw-ratio.js [workloads] [rounds] [dir] [contenders]`: ratio of a round of the
 * first contender to the same round of the others, and of the main thread's CPU time; by default of
 * this store to raw classic-level and to the limit. All run in one process and take turns round by
 * round, in rotating order. To compare two versions, build two checkouts and name
 * `level@A/.build,level@B/.build`.
 */
import { availableParallelism, loadavg } from 'node:os';
import { positionals } from './args.js';
import type { ContenderKind } from './contenders/contender.js';
import { available } from './contenders/index.js';
import { scratchRoot } from './disk.js';
import { digits, percentile } from './stats.js';
import { type Turns, takeTurns } from './turns.js';
import { describe, workloadOf } from './workload.js';

const USAGE = 'node .build/bench/raw-ratio.js [workloads] [rounds] [dir] [contenders]';

async function compare(kinds: readonly ContenderKind[], id: string, rounds: number, root: string): Promise<string> {
  const workload = workloadOf(id);
  return report(describe(workload), await takeTurns(kinds, workload, rounds, root));
}

/** The p10 is reported too, because other work on the machine affects it least. */
function report(title: string, contenders: readonly Turns[]): string {
  const figures = contenders.map(({ name, ms, cpuMs }) => ({
    name,
    p10: percentile(ms, 0.1),
    p50: percentile(ms, 0.5),
    p99: percentile(ms, 0.99),
    cpu: percentile(cpuMs, 0.5),
  }));
  const [ours, ...others] = figures;
  const lines = figures.map(
    ({ name, p10, p50, p99, cpu }) =>
      `  ${name}: p10 ${digits(p10)} ms, p50 ${digits(p50)} ms, p99 ${digits(p99)} ms, CPU ${digits(cpu)} ms`,
  );
  const ratios = others.map(
    ({ name, p10, p50, cpu }) =>
      `${ours?.name} / ${name}: ${digits((ours?.p50 ?? 0) / p50)} at p50, ${digits((ours?.p10 ?? 0) / p10)} at p10, ` +
      `${digits((ours?.cpu ?? 0) / cpu)} of its CPU`,
  );
  return [title, ...lines, `  ${ratios.join('; ')}`, ''].join('\n');
}

const [ids = 'i,ii,iii', rounds = '500', dir, names = 'level,raw,limit'] = positionals(USAGE);
const root = scratchRoot(dir);
process.stdout.write(`load before: ${loadavg()[0]?.toFixed(2)} on ${availableParallelism()} cores\n`);
const { kinds, skipped } = await available(names.split(','));
for (const { name, reason } of skipped) process.stdout.write(`${name} is skipped: ${reason}\n`);
for (const id of ids.split(',')) process.stdout.write(await compare(kinds, id, Number(rounds), root));
