/**
 * `npm run bench`: runs all contenders on all workloads, or those in `--only`. Writes JSON,
 * Markdown and SVG.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stderr, stdout } from '../src/cli/channel.js';
import { runScript } from '../src/cli/script.js';
import { onSignal } from '../src/cli/signals.js';
import { type Args, readArgs, resultsDir, USAGE } from './args.js';
import type { ContenderKind } from './contenders/contender.js';
import { available } from './contenders/index.js';
import { measureDamaged } from './damaged.js';
import { scratchRoot } from './disk.js';
import { effortFor } from './effort.js';
import { describeMachine } from './machine.js';
import { toMarkdown } from './markdown.js';
import { Others } from './others.js';
import { drawPlots } from './plots.js';
import { Pool } from './pool.js';
import type { Results, WorkloadResult } from './results.js';
import { runWorkload } from './run.js';
import { summarize } from './summary.js';
import { canTrace } from './syncs.js';
import { describe, quickly, workloadOf } from './workload.js';

/** Writes a line of progress; on a terminal it replaces the previous line. */
function progress(line: string): void {
  void stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
}

function note(line: string): void {
  void stderr.write(process.stderr.isTTY ? `\r\x1b[K${line}\n` : `${line}\n`);
}

async function measure(args: Args, dir: string): Promise<WorkloadResult[]> {
  const { kinds, skipped } = await available(args.contenders);
  for (const { name, reason } of skipped) note(`${name} is skipped: ${reason}`);
  if (!(await canTrace())) note('strace does not work here: the contenders count syncs themselves');
  const pool = args.quick ? await Pool.start(kinds, join(dir, 'warming-up')) : undefined;
  try {
    return await measureAll(args, dir, kinds, skipped, pool);
  } finally {
    await pool?.end();
  }
}

async function measureAll(
  args: Args,
  dir: string,
  kinds: readonly ContenderKind[],
  skipped: WorkloadResult['skipped'],
  pool: Pool | undefined,
): Promise<WorkloadResult[]> {
  const results: WorkloadResult[] = [];
  for (const id of args.workloads) {
    const workload = args.quick ? quickly(workloadOf(id)) : workloadOf(id);
    const started = performance.now();
    const measured = await runWorkload({
      workload,
      kinds,
      effort: effortFor(workload, args.quick),
      seed: args.seed,
      repetitions: args.repetitions,
      ...(pool === undefined ? {} : { hostOf: (kind: ContenderKind) => pool.hostOf(kind) }),
      dir: join(dir, id),
      progress: (line) => progress(`${id}: ${line}`),
    });
    const result = summarize(workload, measured, skipped);
    results.push(result);
    note(`${describe(workload)}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
    for (const complaint of result.complaints) note(`${id}: ${complaint}`);
  }
  return results;
}

async function main(argv: readonly string[]): Promise<number> {
  const args = readArgs(argv);
  const root = scratchRoot(args.dir);
  const started = performance.now();
  const startedAt = new Date().toISOString();
  const machine = describeMachine(root);
  const others = new Others();
  const dir = mkdtempSync(join(root, 'bench-'));
  const remove = () => rmSync(dir, { recursive: true, force: true, maxRetries: 20, retryDelay: 10 });
  const forget = onSignal(remove);
  try {
    const workloads = await measure(args, dir);
    progress('opening damaged directories');
    const damaged = await measureDamaged(join(dir, 'damaged'), args.quick ? 0.1 : 1);
    const results: Results = {
      format: 1,
      startedAt,
      seconds: (performance.now() - started) / 1000,
      quick: args.quick,
      seed: args.seed,
      repetitions: args.repetitions,
      machine,
      othersCores: others.cores(),
      workloads,
      damaged,
    };
    const out = args.out ?? resultsDir;
    mkdirSync(out, { recursive: true });
    writeFileSync(join(out, 'results.json'), `${JSON.stringify(results, null, 2)}\n`);
    const plots = await drawPlots(results, out);
    if (plots.length === 0) note('echarts is not installed: no plots are drawn');
    const markdown = toMarkdown(results, plots);
    writeFileSync(join(out, 'results.md'), markdown);
    void stdout.write(markdown);
    note(`results are in ${out}`);
    return workloads.some(({ complaints }) => complaints.length > 0) ? 1 : 0;
  } finally {
    remove();
    forget();
  }
}

await runScript(USAGE, main);
