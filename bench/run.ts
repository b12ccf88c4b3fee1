/**
 * Runs one workload with all contenders. Each contender has its own process, and they take turns in
 * slices. A slice is long enough that a contender's background work (table flushes, compactions)
 * falls into its own slices, and short enough that noise of the machine affects all contenders. The
 * order rotates from slice to slice. Except in a quick run, the disk must be quiet before each
 * slice.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ContenderKind, Durable } from './contenders/contender.js';
import { treeSize } from './disk.js';
import type { Effort } from './effort.js';
import { Host } from './host.js';
import { mapLimited } from './map-limited.js';
import type { Figures } from './protocol.js';
import { quietDisk } from './quiet-disk.js';
import { type Restarts, restarts } from './restart.js';
import { canTrace, countSyncs, type SyncCounts } from './syncs.js';
import type { Workload } from './workload.js';

/**
 * Number of contenders that are filled, or whose syncs are counted, at a time. Nothing is timed
 * then.
 */
const UNTIMED_AT_A_TIME = 3;

/** Options of {@link runWorkload}. */
export interface RunOptions {
  readonly workload: Workload;
  readonly kinds: readonly ContenderKind[];
  readonly effort: Effort;
  readonly seed: number;
  readonly repetitions: number;
  /** Number of rounds that are submitted together. Default 1. */
  readonly inFlight?: number;
  /** Returns the process of a contender. Default: a fresh process for each workload. */
  readonly hostOf?: (kind: ContenderKind) => Host;
  /** Scratch directory of this run. Created and removed. */
  readonly dir: string;
  readonly progress: (line: string) => void;
}

/** The raw measurements of one contender. */
export interface Measured {
  readonly kind: ContenderKind;
  /** The rounds of each repetition. */
  readonly repetitions: readonly (readonly Durable[])[];
  /**
   * The longest turn of the event loop in each repetition; empty for a contender whose event loop
   * cannot be watched.
   */
  readonly turnMsMax: readonly number[];
  /** Totals of the measured part. */
  readonly spent: Pick<Figures, 'cpuMs' | 'writtenBytes' | 'storageBytes' | 'rounds' | 'userBytes'>;
  readonly syncs: number | null;
  readonly counted: SyncCounts | undefined;
  readonly rssBytes: number;
  readonly rssPeakBytes: number;
  readonly diskBytes: number;
  readonly restarts: Restarts | undefined;
}

interface Runner {
  readonly kind: ContenderKind;
  readonly dir: string;
  readonly host: Host;
  readonly repetitions: Durable[][];
  readonly turnMsMax: number[];
  before?: Figures;
}

/** Runs a workload with all contenders. */
export async function runWorkload(options: RunOptions): Promise<Measured[]> {
  const { kinds, dir, progress, repetitions, effort } = options;
  const runners: Runner[] = [];
  mkdirSync(dir, { recursive: true });
  try {
    for (const kind of kinds) {
      const place = join(dir, `store-${runners.length}`);
      mkdirSync(place);
      runners.push({
        kind,
        dir: place,
        host: options.hostOf?.(kind) ?? new Host(kind.env),
        repetitions: [],
        turnMsMax: [],
      });
    }
    await mapLimited(runners, UNTIMED_AT_A_TIME, (runner) => {
      progress(`filling ${runner.kind.name}`);
      return warmUp(runner, options);
    });
    for (const runner of runners) runner.before = await runner.host.figures();
    let turn = 0;
    for (let repetition = 0; repetition < repetitions; repetition++) {
      for (const { repetitions } of runners) repetitions.push([]);
      for (let slice = 0; slice < effort.slices; slice++, turn++) {
        for (let i = 0; i < runners.length; i++) {
          const runner = runners[(i + turn) % runners.length] as Runner;
          progress(
            `repetition ${repetition + 1}/${repetitions}, slice ${slice + 1}/${effort.slices}: ${runner.kind.name}`,
          );
          if (effort.settles) await quietDisk(dir);
          const { rounds, turnMsMax } = await runner.host.run(1, effort.sliceRoundsMax, effort.sliceMsMax, {
            inFlight: options.inFlight ?? 1,
          });
          runner.repetitions[repetition]?.push(...rounds);
          if (turnMsMax !== null) {
            runner.turnMsMax[repetition] = Math.max(runner.turnMsMax[repetition] ?? 0, turnMsMax);
          }
        }
      }
    }
    const measured: Measured[] = [];
    for (const runner of runners) measured.push(await finish(runner, options));
    const counts = await countAll(options);
    return measured.map((result) => ({ ...result, counted: counts.get(result.kind) }));
  } finally {
    if (options.hostOf === undefined) for (const { host } of runners) await host.end();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function warmUp({ kind, dir, host }: Runner, { workload, seed, effort }: RunOptions): Promise<void> {
  const { roundsToFill } = await host.open(kind.name, dir, workload, seed);
  const roundsMax = Math.max(roundsToFill, effort.warmUpRoundsMax);
  await host.run(roundsToFill, roundsMax, effort.warmUpMsMax);
}

async function finish(runner: Runner, options: RunOptions): Promise<Measured> {
  const { kind, host, dir, before } = runner;
  const { effort, progress } = options;
  const after = await host.figures();
  if (before === undefined) throw new Error('nothing was measured');
  const { diskBytes } = treeSize(dir);
  await host.close();
  if (options.hostOf === undefined) await host.end();
  progress(`${kind.name}: restarting`);
  const again = effort.restarts === 0 ? undefined : await restarts(kind, dir, effort.restarts);
  rmSync(dir, { recursive: true, force: true });
  return {
    kind,
    repetitions: runner.repetitions,
    turnMsMax: runner.turnMsMax,
    spent: {
      cpuMs: after.cpuMs - before.cpuMs,
      writtenBytes: after.writtenBytes - before.writtenBytes,
      storageBytes: after.storageBytes - before.storageBytes,
      rounds: after.rounds - before.rounds,
      userBytes: after.userBytes - before.userBytes,
    },
    syncs: after.syncs === null || before.syncs === null ? null : after.syncs - before.syncs,
    counted: undefined,
    rssBytes: after.rssBytes,
    rssPeakBytes: after.rssPeakBytes,
    diskBytes,
    restarts: again,
  };
}

/** Counts the syncs of all contenders, if `effort` asks for it and strace works. */
async function countAll({ kinds, workload, seed, effort, dir, progress }: RunOptions) {
  const counts = new Map<ContenderKind, SyncCounts>();
  if (effort.countedRounds === 0 || !(await canTrace())) return counts;
  await mapLimited(kinds, UNTIMED_AT_A_TIME, async (kind) => {
    progress(`counting the syncs of ${kind.name}`);
    const place = join(dir, `counting-${kinds.indexOf(kind)}`);
    counts.set(kind, await countSyncs(kind, workload, seed, effort.countedRounds, place));
  });
  return counts;
}
