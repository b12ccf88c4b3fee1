/**
 * `node .build/bench/experiments/values-steady.js [workloads] [rounds] [file MiB] [dir]`: bytes
 * written and time per round with separated values, once value files are reused. Each store in turn
 * runs `rounds` rounds: with one `persist` per round, and with separate calls per lane. Prints for
 * each sixth of the rounds the bytes passed to write calls divided by the wire bytes (a count,
 * which other work on the machine does not affect) and the time per round. Further file sizes,
 * separated by commas, run with `persist`.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { positionals } from '../args.js';
import type { ContenderKind } from '../contenders/contender.js';
import { level, levelKind, levelLanes } from '../contenders/level.js';
import { scratchRoot, treeSize } from '../disk.js';
import { writtenBy } from '../proc.js';
import { RoundSource } from '../rounds.js';
import { digits, percentile } from '../stats.js';
import { describe, type Workload, workloadOf } from '../workload.js';

const MIB = 1024 * 1024;
const SEED = 1;
const PARTS = 6;

/** The results of a part of the run. */
interface Part {
  /** Bytes passed to write calls divided by wire bytes. */
  readonly amplification: number;
  readonly p10: number;
  readonly p50: number;
  readonly p99: number;
  /** Disk usage of the store at the end of the part. */
  readonly diskMiB: number;
}

async function run(kind: ContenderKind, workload: Workload, rounds: number, dir: string): Promise<Part[]> {
  const source = new RoundSource(workload, SEED);
  const contender = await kind.open(dir);
  const parts: Part[] = [];
  for (let part = 0; part < PARTS; part++) {
    const ms: number[] = [];
    let payload = 0;
    const before = writtenBy('self').calls;
    for (let round = 0; round < Math.ceil(rounds / PARTS); round++) {
      const job = contender.prepare(source.next());
      payload += contender.userBytes;
      ms.push((await job()).roundMs);
    }
    const [p10, p50, p99] = [percentile(ms, 0.1), percentile(ms, 0.5), percentile(ms, 0.99)];
    const amplification = (writtenBy('self').calls - before) / payload;
    parts.push({ amplification, p10, p50, p99, diskMiB: treeSize(dir).diskBytes / MIB });
  }
  await contender.close();
  return parts;
}

const USAGE = 'node .build/bench/experiments/values-steady.js [workloads] [rounds] [file MiB] [dir]';
const [ids = 'iv,v', rounds = '600', sizes = '', root] = positionals(USAGE);
const kinds = [level, levelLanes];
for (const mib of sizes.split(',').filter((size) => size !== '')) {
  const [name, description] = [`level, files of ${mib} MiB`, 'this store with value files of another size'];
  kinds.push(levelKind({ name, description, submission: 'round', values: { fileBytes: Number(mib) * MIB } }));
}
process.stdout.write(`load before: ${loadavg()[0]?.toFixed(2)}\n`);
for (const workload of ids.split(',').map(workloadOf)) {
  process.stdout.write(`\n${describe(workload)}, ${rounds} rounds in ${PARTS} parts\n\n`);
  process.stdout.write('| | written / payload | p10 ms | p50 ms | p99 ms | disk MiB |\n|---|---|---|---|---|---|\n');
  for (const kind of kinds) {
    const dir = mkdtempSync(join(scratchRoot(root), 'steady-'));
    try {
      const parts = await run(kind, workload, Number(rounds), dir);
      const list = (pick: (part: Part) => number) => parts.map((part) => digits(pick(part))).join(', ');
      const cells = [
        list(({ amplification }) => amplification),
        list(({ p10 }) => p10),
        list(({ p50 }) => p50),
        list(({ p99 }) => p99),
        list(({ diskMiB }) => diskMiB),
      ];
      process.stdout.write(`| ${[kind.name, ...cells].join(' | ')} |\n`);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  }
}
