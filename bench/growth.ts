/**
 * `npm run bench:growth [short|long] [dir]`: how a round, the tip, the open and the disk grow with
 * lanes, blocks kept, age and block size. Every point has a store and a process of its own. Two
 * more points check the formulas of docs/capacity.md, which are fitted without them. Writes
 * bench/results/growth.json and plots. `long` adds an age of 10^6 rounds.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { positionals, resultsDir } from './args.js';
import { level } from './contenders/level.js';
import { scratchRoot, treeSize } from './disk.js';
import { growthPlots, growthTables } from './growth-page.js';
import { Host } from './host.js';
import { describeMachine, type Machine } from './machine.js';
import { BatchSource } from './operations.js';
import { Others } from './others.js';
import { draw } from './plots.js';
import { restarts } from './restart.js';
import { RoundSource } from './rounds.js';
import { digits, median, percentile } from './stats.js';
import { BLOCKS_KEPT, type Workload } from './workload.js';

const KIB = 1024;
const MIB = KIB * KIB;
/** A block with 100 bytes of transactions. */
const SMALL_BLOCK_BYTES = 527;
const SEED = 1;
const RESTARTS = 3;
/** Rounds that are measured after the lanes are full, bounded by their bytes. */
const ROUNDS_MAX = 200;
const MEASURED_BYTES_MAX = 400 * MIB;
const ROUNDS_MIN = 30;

/** One store at one age. Times in milliseconds, sizes in bytes. */
export interface Point {
  readonly lanes: number;
  readonly blockBytes: number;
  readonly blocksKept: number;
  /** Rounds since the store was created. */
  readonly age: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** CPU of all threads per round, without the generation of the round. */
  readonly cpuMs: number;
  /** Per round: wire bytes of the entries, and bytes of all write calls. */
  readonly userBytes: number;
  readonly writtenBytes: number;
  readonly tipBytes: number;
  /** Open and load in a fresh process, files in the page cache. */
  readonly openMs: number;
  readonly records: number;
  readonly diskBytes: number;
  readonly rssBytes: number;
}

export type Curve = 'lanes' | 'kept' | 'age' | 'size';

/** The shape of `growth.json`. */
export interface Growth {
  readonly format: 1;
  readonly startedAt: string;
  readonly seconds: number;
  readonly machine: Machine;
  readonly othersCores: number | null;
  readonly curves: Readonly<Record<Curve, readonly Point[]>>;
  /** Points for the fit of rounds with value files, which are on no curve. */
  readonly values: readonly Point[];
  readonly checks: readonly Point[];
}

interface Shape {
  readonly lanes?: number;
  readonly blockBytes?: number;
  readonly blocksKept?: number;
  readonly age?: number;
}

const CURVES: Readonly<Record<Curve, readonly Shape[]>> = {
  lanes: [1, 4, 10, 20, 40, 100, 200, 400, 1000].map((lanes) => ({ lanes })),
  kept: [30, 100, 300, 1000, 3000].map((blocksKept) => ({ blocksKept })),
  age: [1e3, 1e4, 1e5].map((age) => ({ lanes: 4, age })),
  size: [SMALL_BLOCK_BYTES, ...[1, 4, 16, 32, 64, 256, 1024, 2048].map((kib) => kib * KIB)].map((blockBytes) => ({
    lanes: 4,
    blockBytes,
  })),
};
const LONG_AGE: Shape = { lanes: 4, age: 1e6 };
const VALUES: readonly Shape[] = [10, 40, 100].map((lanes) => ({ lanes, blockBytes: 32 * KIB }));
const CHECKS: readonly Shape[] = [
  { lanes: 60, blocksKept: 90 },
  { lanes: 20, blockBytes: 64 * KIB, blocksKept: 60 },
];

async function measure(shape: Shape, dir: string): Promise<Point> {
  const { lanes = 20, blockBytes = KIB, blocksKept = BLOCKS_KEPT } = shape;
  const workload: Workload = { id: 'growth', lanes, blocksPerLane: 1, blockBytes, blocksKept };
  const bytes = lanes * blockBytes;
  const measured = Math.max(ROUNDS_MIN, Math.min(ROUNDS_MAX, Math.floor(MEASURED_BYTES_MAX / bytes)));
  const filled = Math.max(2 * BLOCKS_KEPT, blocksKept + BLOCKS_KEPT);
  const before = Math.max(filled, (shape.age ?? 0) - measured);
  const place = join(dir, 'store');
  mkdirSync(place);
  const host = new Host();
  try {
    await host.open('level', place, workload, SEED);
    await host.fill(before);
    const start = await host.figures();
    const { rounds } = await host.run(measured, measured, 0);
    const end = await host.figures();
    await host.close();
    const { diskBytes } = treeSize(place);
    const again = await restarts(level, place, RESTARTS);
    const times = rounds.map(({ roundMs }) => roundMs);
    const perRound = (pick: (figures: typeof end) => number) => (pick(end) - pick(start)) / measured;
    const { blocks = 0, commitQCs = 0, anchors = 0 } = again?.live ?? {};
    return {
      lanes,
      blockBytes,
      blocksKept,
      age: before + measured,
      p50Ms: percentile(times, 0.5),
      p99Ms: percentile(times, 0.99),
      cpuMs: perRound(({ cpuMs }) => cpuMs),
      userBytes: perRound(({ userBytes }) => userBytes),
      writtenBytes: perRound(({ writtenBytes }) => writtenBytes),
      tipBytes: tipBytesOf(workload),
      openMs: median(again?.openMs ?? []),
      records: blocks + commitQCs + anchors,
      diskBytes,
      rssBytes: end.rssBytes,
    };
  } finally {
    await host.end();
    rmSync(place, { recursive: true, force: true });
  }
}

/** The record of the tip after the first round: its size depends on the number of lanes only. */
function tipBytesOf(workload: Workload): number {
  const source = new RoundSource({ ...workload, blockBytes: KIB, blocksKept: 1 }, SEED);
  const [tip] = new BatchSource().next(source.next());
  return tip?.type === 'put' ? tip.value.length : 0;
}

async function measureAll(isLong: boolean, root: string): Promise<Growth> {
  const machine = describeMachine(root);
  const others = new Others();
  const startedAt = new Date().toISOString();
  const started = performance.now();
  const dir = mkdtempSync(join(root, 'growth-'));
  const all = async (name: string, shapes: readonly Shape[]) => {
    const points: Point[] = [];
    for (const shape of shapes) {
      const point = await measure(shape, dir);
      points.push(point);
      process.stderr.write(`${digits((performance.now() - started) / 1000)} s: ${name} ${JSON.stringify(point)}\n`);
    }
    return points;
  };
  try {
    const lanes = await all('lanes', CURVES.lanes);
    const kept = await all('kept', CURVES.kept);
    const size = await all('size', CURVES.size);
    const values = await all('values', VALUES);
    const checks = await all('checks', CHECKS);
    const age = await all('age', isLong ? [...CURVES.age, LONG_AGE] : CURVES.age);
    const seconds = (performance.now() - started) / 1000;
    const curves = { lanes, kept, age, size };
    return { format: 1, startedAt, seconds, machine, othersCores: others.cores(), curves, values, checks };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [form = 'short', where] = positionals('npm run bench:growth -- [short|long] [dir]');
  const growth = await measureAll(form === 'long', scratchRoot(where));
  writeFileSync(join(resultsDir, 'growth.json'), `${JSON.stringify(growth, null, 2)}\n`);
  await draw(growthPlots(growth), resultsDir);
  process.stdout.write(growthTables(growth));
}
