/**
 * `node .build/bench/experiments/tune.js [--dir DIR] [--out DIR] [--times N] SLICE...`: compares
 * settings of LevelDB. A slice (tune-grids.ts) is one run of about 100 seconds or less, or N times
 * as long. The name `missing` selects all slices without results. Each slice is added to
 * `tune.json`, from which the tables and curves are made.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { UsageError } from '../../src/cli/command-error.js';
import { understood, wholeOption } from '../../src/cli/script.js';
import { resultsDir } from '../args.js';
import { contenderOf } from '../contenders/index.js';
import { scratchRoot } from '../disk.js';
import { describeMachine } from '../machine.js';
import { drawTuning } from '../plots.js';
import { runWorkload } from '../run.js';
import { summarize } from '../summary.js';
import { workloadOf } from '../workload.js';
import { SLICES, type Slice } from './tune-grids.js';
import { type Tuned, type Tuning, tuningTables } from './tune-page.js';

const REPETITIONS = 3;
const SEED = 1;
/**
 * No time limit: all variants run the same number of rounds. Finite, because JSON has no Infinity.
 */
const ANY_MS = 1e9;

async function tune(slice: Slice, times: number, root: string): Promise<Tuned> {
  const { name, grid } = slice;
  const rounds = slice.rounds * times;
  const workload = workloadOf(slice.workload);
  const machine = describeMachine(root);
  const started = performance.now();
  const dir = mkdtempSync(join(root, 'tune-'));
  try {
    const measured = await runWorkload({
      workload,
      kinds: grid.contenders.map(contenderOf),
      effort: {
        settles: true,
        warmUpRoundsMax: Math.ceil(rounds / REPETITIONS),
        warmUpMsMax: ANY_MS,
        sliceRoundsMax: Math.ceil(rounds / REPETITIONS),
        sliceMsMax: ANY_MS,
        slices: 1,
        restarts: 3,
        countedRounds: 0,
      },
      seed: SEED,
      repetitions: REPETITIONS,
      inFlight: grid.inFlight,
      dir: join(dir, name),
      progress: (line) => process.stderr.write(process.stderr.isTTY ? `\r\x1b[K${name}: ${line}` : ''),
    });
    return {
      title: grid.title,
      inFlight: grid.inFlight,
      startedAt: new Date().toISOString(),
      seconds: (performance.now() - started) / 1000,
      machine,
      loadAfter: loadavg()[0] ?? Number.NaN,
      result: summarize(workload, measured, []),
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function readTuning(file: string): Tuning {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { format: 2, slices: {} };
}

function chosen(names: readonly string[], done: Tuning): readonly Slice[] {
  const wanted = names.flatMap((name) => {
    if (name === 'missing') return SLICES.filter((slice) => done.slices[slice.name] === undefined);
    const found = SLICES.filter((slice) => slice.name === name);
    if (found.length === 0) throw new UsageError(`unknown slice "${name}"`);
    return found;
  });
  if (wanted.length === 0) throw new UsageError('name a slice; "missing" selects none if all have results');
  return wanted;
}

async function main(): Promise<void> {
  const options = {
    dir: { type: 'string' },
    out: { type: 'string', default: resultsDir },
    times: { type: 'string', default: '1' },
  } as const;
  const { values, positionals } = understood(() => parseArgs({ allowPositionals: true, options }));
  const times = wholeOption('times', values.times, 1);
  const file = join(values.out, 'tune.json');
  const wanted = chosen(positionals, readTuning(file));
  const root = scratchRoot(values.dir);
  mkdirSync(values.out, { recursive: true });
  for (const slice of wanted) {
    const tuned = await tune(slice, times, root);
    const before = readTuning(file);
    const tuning: Tuning = { ...before, slices: { ...before.slices, [slice.name]: tuned } };
    writeFileSync(file, `${JSON.stringify(tuning, null, 2)}\n`);
    await drawTuning(tuning, values.out);
    process.stdout.write(`${tuningTables({ ...tuning, slices: { [slice.name]: tuned } })}\n`);
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  const names = SLICES.map(({ name }) => name).join(', ');
  process.stderr.write(
    `${error.message}\nusage: node .build/bench/experiments/tune.js [--dir DIR] [--out DIR] [--times N] SLICE...\nslices: ${names}, or missing\n`,
  );
  process.exitCode = 2;
}
