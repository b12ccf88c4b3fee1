/**
 * `node .build/bench/experiments/values-crossover.js [rounds] [dir]`: when large values are better kept apart, all inline against all in value files:
 * 1. from how many bytes a batch on (`batchBytesMin`): rounds of a block a lane in four lanes. Separating a batch costs a second sync; what it
 *    saves grows with the bytes.
 * 2. from how many bytes a record on (`valueBytesMin`): rounds large enough to be separated, of records of one size each.
 */
import { loadavg } from 'node:os';
import { positionals } from '../args.js';
import { levelInline, levelKind } from '../contenders/level.js';
import { scratchRoot } from '../disk.js';
import { digits, percentile } from '../stats.js';
import { takeTurns } from '../turns.js';
import { BLOCKS_KEPT } from '../workload.js';

const KIB = 1024;

/** Rounds of `lanes` blocks of `kib` KiB each. */
interface Shape {
  readonly lanes: number;
  readonly kib: number;
}

const BATCHES: readonly Shape[] = [8, 16, 32, 64, 128, 256].map((kib) => ({ lanes: 4, kib }));
const RECORDS: readonly Shape[] = [
  { lanes: 80, kib: 2 },
  { lanes: 80, kib: 4 },
  { lanes: 40, kib: 8 },
  { lanes: 40, kib: 16 },
  { lanes: 20, kib: 32 },
];

const apart = levelKind({
  name: 'level-apart',
  description: 'this store, every block in a value file',
  submission: 'round',
  values: { batchBytesMin: 1, valueBytesMin: 1 },
});

async function compare(shapes: readonly Shape[], rounds: number, root: string): Promise<void> {
  say('| a round | inline p50 ms | apart p50 ms | apart / inline | at p10 | inline p99 | apart p99 |');
  say('|---|---|---|---|---|---|---|');
  for (const { lanes, kib } of shapes) {
    const workload = { id: `${lanes}x${kib}`, lanes, blocksPerLane: 1, blockBytes: kib * KIB, blocksKept: BLOCKS_KEPT };
    const turns = await takeTurns([levelInline, apart], workload, rounds, root);
    const [inline, separate] = turns.map(
      ({ ms }) =>
        (share: number) =>
          percentile(ms, share),
    );
    if (inline === undefined || separate === undefined) throw new Error('a contender is missing');
    const ratio = (share: number) => separate(share) / inline(share);
    const figures = [inline(0.5), separate(0.5), ratio(0.5), ratio(0.1), inline(0.99), separate(0.99)];
    say(`| ${lanes} x ${kib} KiB | ${figures.map((figure) => digits(figure)).join(' | ')} |`);
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const [rounds = '150', dir] = positionals('node .build/bench/experiments/values-crossover.js [rounds] [dir]');
const root = scratchRoot(dir);
say(`load before: ${loadavg()[0]?.toFixed(2)}\n`);
await compare(BATCHES, Number(rounds), root);
say('');
await compare(RECORDS, Number(rounds), root);
