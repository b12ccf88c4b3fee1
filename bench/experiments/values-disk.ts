/**
 * `node .build/bench/experiments/values-disk.js [dir]`: disk space of value files in the worst
 * case. Four lanes run for thousands of rounds and keep 30 blocks each. Then one lane stops with
 * its 30 blocks while the others continue. Then that lane continues. Finally everything is pruned.
 * Files are small, so that there are many of them. The curve is written to
 * bench/results/values-disk.svg and .json.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type LevelStore, openLevel } from '../../src/index.js';
import { packageRoot } from '../../test/support/fixtures.js';
import {
  type PlainAnchor,
  type PlainBlock,
  type PlainQC,
  plain,
  plainAnchor,
  plainBlock,
} from '../../test/support/plain-model.js';
import { positionals } from '../args.js';
import { scratchRoot } from '../disk.js';
import { drawLines } from '../plots.js';

const KIB = 1024;
const FILE_BYTES = 256 * KIB;
const BLOCK_BYTES = 16 * KIB;
const LANES = ['0a', '0b', '0c', '0d'];
const KEPT = 30;
/** Number of files by which the bound exceeds twice the live bytes. */
const FILES_MAX = 8;

/** Disk usage after a round. */
interface Point {
  readonly round: number;
  readonly liveBytes: number;
  readonly diskBytes: number;
}

type Store = LevelStore<PlainBlock, PlainQC, PlainAnchor>;

/** Runs the simulation, with `rounds` rounds in each part. */
export async function simulate(dir: string, rounds: number, seen: (point: Point) => void): Promise<void> {
  const values = { fileBytes: FILE_BYTES, batchBytesMin: 1, valueBytesMin: 1024, waitBytesMin: 1 };
  await using store = await openLevel(dir, { model: plain, values });
  const next = new Map(LANES.map((lane) => [lane, 0]));
  let round = 0;
  const run = async (lanes: readonly string[]): Promise<void> => {
    for (let i = 0; i < rounds; i++, round++) {
      const blocks = lanes.map((lane) => blockOf(lane, next.get(lane) ?? 0));
      for (const lane of lanes) next.set(lane, (next.get(lane) ?? 0) + 1);
      const starts = Object.fromEntries(lanes.map((lane) => [lane, Math.max(0, (next.get(lane) ?? 0) - KEPT)]));
      await store.persist({ anchor: plainAnchor(round, starts), blocks });
      seen({ round, liveBytes: store.valueUsage.liveBytes, diskBytes: diskBytes(dir) });
    }
  };
  await run(LANES);
  await run(LANES.slice(1));
  await run(LANES);
  await store.persist({ anchor: plainAnchor(round, Object.fromEntries(next)) });
  await settled(store);
  seen({ round, liveBytes: store.valueUsage.liveBytes, diskBytes: diskBytes(dir) });
}

/** Upper bound of the store's disk usage. */
export function bound({ liveBytes }: Point): number {
  return 2 * liveBytes + FILES_MAX * FILE_BYTES;
}

/** Waits until a pruned store has deleted its unused files. */
async function settled(store: Store): Promise<void> {
  for (let last = -1; last !== store.valueUsage.fileBytes; ) {
    last = store.valueUsage.fileBytes;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

function blockOf(lane: string, number: number): PlainBlock {
  return plainBlock(lane, number, new Uint8Array(Buffer.alloc(BLOCK_BYTES, `${lane} ${number} `)));
}

function diskBytes(dir: string): number {
  let bytes = 0;
  for (const name of readdirSync(join(dir, 'values'))) {
    bytes += statSync(join(dir, 'values', name), { throwIfNoEntry: false })?.size ?? 0;
  }
  return bytes;
}

async function main(root: string, out: string): Promise<void> {
  const dir = mkdtempSync(join(root, 'values-disk-'));
  const points: Point[] = [];
  try {
    await simulate(dir, 1500, (point) => points.push(point));
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
  const over = points.filter((point) => point.diskBytes > bound(point));
  const worst = Math.max(...points.map((point) => point.diskBytes / bound(point)));
  process.stdout.write(`${points.length} rounds, ${over.length} over the bound; at most ${worst.toFixed(2)} of it; `);
  process.stdout.write(`${(points.at(-1)?.diskBytes ?? 0) / FILE_BYTES} files at the end\n`);
  mkdirSync(out, { recursive: true });
  const thin = points.filter(({ round }) => round % 10 === 0 || round === points.length - 1);
  writeFileSync(join(out, 'values-disk.json'), `${JSON.stringify({ fileBytes: FILE_BYTES, points: thin })}\n`);
  const lines = {
    live: thin.map(({ liveBytes }) => liveBytes / KIB / KIB),
    'on disk': thin.map((point) => point.diskBytes / KIB / KIB),
    bound: thin.map((point) => bound(point) / KIB / KIB),
  };
  const rounds = thin.map(({ round }) => round);
  await drawLines(
    'value files: one lane of four stops from round 1500 to 3000',
    'MiB',
    rounds,
    lines,
    join(out, 'values-disk.svg'),
  );
  if (over.length > 0) process.exitCode = 1;
}

if (process.argv[1]?.endsWith('values-disk.js')) {
  const [root] = positionals('node .build/bench/experiments/values-disk.js [dir]');
  await main(scratchRoot(root), join(packageRoot, 'bench', 'results'));
}
