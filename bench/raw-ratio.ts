/**
 * `node .build/bench/raw-ratio.js [workloads] [rounds] [dir]`: what a round of this store costs over the same batch in raw classic-level. Both run in
 * one process and take turns round by round, the first one alternating.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg } from 'node:os';
import { join } from 'node:path';
import { positionals } from './args.js';
import { level } from './contenders/level.js';
import { limit } from './contenders/limit.js';
import { raw } from './contenders/raw.js';
import { scratchRoot } from './disk.js';
import { RoundSource } from './rounds.js';
import { digits, percentile } from './stats.js';
import { describe, workloadOf } from './workload.js';

const SEED = 1;
const WARM_UP_ROUNDS = 300;

async function compare(id: string, rounds: number, root: string): Promise<string> {
  const dir = mkdtempSync(join(root, 'raw-ratio-'));
  try {
    const workload = workloadOf(id);
    const source = new RoundSource(workload, SEED);
    const contenders = [];
    for (const kind of [level, raw, limit]) {
      const place = join(dir, kind.name);
      mkdirSync(place);
      contenders.push({ name: kind.name, contender: await kind.open(place), ms: [] as number[] });
    }
    for (let round = 0; round < WARM_UP_ROUNDS + rounds; round++) {
      const entries = source.next();
      const jobs = contenders.map(({ contender, ms }) => ({ job: contender.prepare(entries), ms }));
      if (round % 2 === 1) jobs.reverse();
      for (const { job, ms } of jobs) {
        const { roundMs } = await job();
        if (round >= WARM_UP_ROUNDS) ms.push(roundMs);
      }
    }
    for (const { contender } of contenders) await contender.close();
    const [ours, theirs, least] = contenders.map(({ ms }) => ({
      p10: percentile(ms, 0.1),
      p50: percentile(ms, 0.5),
      p99: percentile(ms, 0.99),
    })) as [Figures, Figures, Figures];
    const line = (name: string, { p10, p50, p99 }: Figures) =>
      `  ${name} p10 ${digits(p10)} ms, p50 ${digits(p50)} ms, p99 ${digits(p99)} ms`;
    const over = (other: Figures) => `${digits(ours.p50 / other.p50)} at p50, ${digits(ours.p10 / other.p10)} at p10`;
    return [
      describe(workload),
      line('level', ours),
      line('raw  ', theirs),
      line('limit', least),
      `  level / raw: ${over(theirs)}; level / limit: ${over(least)}`,
      '',
    ].join('\n');
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

interface Figures {
  /** What a round takes when nothing disturbs it: the least sensitive to other work on the machine. */
  readonly p10: number;
  readonly p50: number;
  readonly p99: number;
}

const [ids = 'i,ii,iii', rounds = '500', dir] = positionals(
  'node .build/bench/raw-ratio.js [workloads] [rounds] [dir]',
);
const root = scratchRoot(dir);
process.stdout.write(`load before: ${loadavg()[0]?.toFixed(2)} on ${availableParallelism()} cores\n`);
for (const id of ids.split(',')) process.stdout.write(await compare(id, Number(rounds), root));
