/**
 * `node .build/bench/tune.js [--dir DIR] [--out DIR] [--workloads iii,v] [--rounds N]`: LevelDB's settings one against the other. All
 * variants of a workload take turns in one run. Write buffer and compression are crossed; the others are changed one at a
 * time around the defaults; the merging cap is measured with many rounds in flight, where it matters.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../test/support/fixtures.js';
import { contenderOf } from './contenders/index.js';
import { type VariantSettings, variantName } from './contenders/variant.js';
import { scratchRoot } from './disk.js';
import { describeMachine } from './machine.js';
import type { WorkloadResult } from './results.js';
import { runWorkload } from './run.js';
import { digits } from './stats.js';
import { summarize } from './summary.js';
import { describe, workloadOf } from './workload.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const REPETITIONS = 3;
const SLICES = 2;
const SEED = 1;

/** Variants that are compared with each other. */
interface Grid {
  readonly title: string;
  readonly inFlight: number;
  readonly variants: readonly VariantSettings[];
}

const GRIDS: readonly Grid[] = [
  {
    title: 'write buffer and compression',
    inFlight: 1,
    variants: [1, 2, 4, 8, 16, 32, 64].flatMap((mib) =>
      [false, true].map((compression) => ({ writeBufferBytes: mib * MIB, compression })),
    ),
  },
  {
    title: 'block size',
    inFlight: 1,
    variants: [4, 16, 64].map((kib) => ({ blockBytes: kib * KIB })),
  },
  {
    title: 'table file size',
    inFlight: 1,
    variants: [2, 8, 32, 64].map((mib) => ({ tableFileBytes: mib * MIB })),
  },
  {
    title: 'merging cap, 16 rounds in flight',
    inFlight: 16,
    variants: [0.25, 1, 4, 16].map((mib) => ({ maxMergeBytes: mib * MIB })),
  },
];

interface Tuned {
  readonly title: string;
  readonly inFlight: number;
  readonly result: WorkloadResult;
}

async function tune(id: string, rounds: number, dir: string): Promise<Tuned[]> {
  const workload = workloadOf(id);
  const tuned: Tuned[] = [];
  for (const { title, inFlight, variants } of GRIDS) {
    process.stderr.write(`${id}: ${title}\n`);
    const measured = await runWorkload({
      workload,
      kinds: variants.map((settings) => contenderOf(variantName(settings))),
      effort: {
        warmUpRoundsMax: rounds,
        warmUpMsMax: Number.POSITIVE_INFINITY,
        sliceRoundsMax: Math.ceil(rounds / SLICES),
        sliceMsMax: Number.POSITIVE_INFINITY,
        slices: SLICES,
        restarts: 3,
        countedRounds: 0,
      },
      seed: SEED,
      repetitions: REPETITIONS,
      inFlight,
      dir: join(dir, id),
      progress: (line) => process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : ''),
    });
    tuned.push({ title, inFlight, result: summarize(workload, measured, []) });
  }
  return tuned;
}

function toMarkdown(tuned: readonly Tuned[]): string {
  const lines = ['# LevelDB settings', ''];
  for (const { title, result } of tuned) {
    lines.push(`## ${describe(result.workload)}: ${title}`, '');
    lines.push('| settings | p50 ms | p99 ms | max ms | restart ms | disk MiB | amplif. | CPU ms | RSS MiB |');
    lines.push('|---|---|---|---|---|---|---|---|---|');
    for (const one of result.contenders) {
      const cells = [
        one.name,
        digits(one.roundMs.p50.median),
        digits(one.roundMs.p99.median),
        digits(one.roundMs.max.max),
        digits(one.restartMs?.median ?? Number.NaN),
        digits(one.diskBytes / MIB),
        digits(one.writeAmplification),
        digits(one.cpuMsPerRound),
        digits(one.rssBytes / MIB),
      ];
      lines.push(`| ${cells.join(' | ')} |`);
    }
    lines.push('');
  }
  return lines.join('\n');
}

const { values } = parseArgs({
  options: {
    dir: { type: 'string' },
    out: { type: 'string', default: join(packageRoot, 'bench', 'results') },
    workloads: { type: 'string', default: 'iii,v' },
    rounds: { type: 'string', default: '300' },
  },
});
const root = scratchRoot(values.dir);
const machine = describeMachine(root);
const dir = mkdtempSync(join(root, 'tune-'));
try {
  const tuned: Tuned[] = [];
  for (const id of values.workloads.split(',')) tuned.push(...(await tune(id, Number(values.rounds), dir)));
  mkdirSync(values.out, { recursive: true });
  const loadAfter = loadavg()[0];
  writeFileSync(
    join(values.out, 'tune.json'),
    `${JSON.stringify({ format: 1, machine, loadAfter, tuned }, null, 2)}\n`,
  );
  const markdown = toMarkdown(tuned);
  writeFileSync(join(values.out, 'tune.md'), markdown);
  process.stdout.write(markdown);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
