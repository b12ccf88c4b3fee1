/**
 * `node .build/bench/experiments/values-phases.js [workloads] [rounds] [dir]`: when a round with
 * separated values reaches each step, in milliseconds from the call. One store, one round at a
 * time. Disk writes of a step continue during the next steps.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Engine } from '../../src/adapter/level/engine.js';
import { diskFiles, type Files } from '../../src/base/files.js';
import { positionals } from '../args.js';
import { levelKind } from '../contenders/level.js';
import { scratchRoot } from '../disk.js';
import { RoundSource } from '../rounds.js';
import { digits, percentile } from '../stats.js';
import { describe, type Workload, workloadOf } from '../workload.js';

const SEED = 1;

/** The steps of a round. */
const STEPS = {
  submitted: 'checked, planned, copied; the call has returned',
  first: 'the first portion of values is checksummed and submitted',
  last: 'the last portion is submitted',
  filled: 'the batch is composed and passed to LevelDB',
  durable: 'all values are durable; the write of LevelDB begins',
  synced: 'the batch is durable',
  resolved: 'the promise has resolved',
} as const;
type Step = keyof typeof STEPS;

/** When the current round reached each step. */
let reached: Partial<Record<Step, number>> | undefined;

function mark(step: Step): void {
  if (reached !== undefined) reached[step] = performance.now();
}

const watchedFiles: Files = {
  ...diskFiles,
  async open(path, mode, how) {
    const file = await diskFiles.open(path, mode, how);
    const writeSynced = file.writeSynced.bind(file);
    return Object.assign(file, {
      writeSynced: (data: readonly Uint8Array[], position: number) => {
        const written = writeSynced(data, position);
        // Preparing space uses the same call. Its portions have one chunk, of zeros.
        if (data.length > 1 && reached?.filled === undefined) {
          if (reached?.first === undefined) mark('first');
          mark('last');
        }
        return written;
      },
    });
  },
};

const { fill } = Engine.prototype;
Engine.prototype.fill = function (this: Engine, operations) {
  const filled = fill.call(this, operations);
  mark('filled');
  return {
    ...filled,
    write: () => {
      mark('durable');
      return filled.write().then(() => mark('synced'));
    },
  };
};

const kind = levelKind({ name: 'level', description: 'watched', submission: 'round', values: { files: watchedFiles } });

async function measure(workload: Workload, rounds: number, root: string): Promise<Map<Step, number[]>> {
  const dir = mkdtempSync(join(root, 'phases-'));
  const steps = new Map<Step, number[]>();
  try {
    const source = new RoundSource(workload, SEED);
    const contender = await kind.open(dir);
    const warmUp = 3 * source.roundsToFill;
    for (let round = 0; round < warmUp + rounds; round++) {
      const job = contender.prepare(source.next());
      const marks: Partial<Record<Step, number>> = {};
      reached = marks;
      const started = performance.now();
      const done = job();
      mark('submitted');
      await done;
      mark('resolved');
      reached = undefined;
      if (round < warmUp) continue;
      for (const [step, at] of Object.entries(marks)) {
        const list = steps.get(step as Step) ?? [];
        steps.set(step as Step, list);
        list.push(at - started);
      }
    }
    await contender.close();
    return steps;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const [ids = 'iv,v', rounds = '300', dir] = positionals(
  'node .build/bench/experiments/values-phases.js [workloads] [rounds] [dir]',
);
const root = scratchRoot(dir);
for (const workload of ids.split(',').map(workloadOf)) {
  const steps = await measure(workload, Number(rounds), root);
  process.stdout.write(
    `\n${describe(workload)}, ${rounds} rounds\n\n| ms from the call | p10 | p50 | p99 |\n|---|---|---|---|\n`,
  );
  for (const [step, what] of Object.entries(STEPS)) {
    const ms = steps.get(step as Step) ?? [];
    process.stdout.write(
      `| ${what} | ${[0.1, 0.5, 0.99].map((share) => digits(percentile(ms, share))).join(' | ')} |\n`,
    );
  }
}
