/**
 * `node .build/bench/experiments/values-crossover.js [rounds] [dir]`: the sizes from which
 * separated values are faster. Compares all values inline with all values in value files:
 * 1. the size of the batch (`batchBytesMin`): rounds of one block per lane in four lanes.
 *    Separation costs a second sync per batch; its savings grow with the bytes.
 * 2. the size of the record (`valueBytesMin`): rounds that are large enough for separation, with
 *    records of one size.
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

const separated = levelKind({
  name: 'level-separated',
  description: 'this store, every block in a value file',
  submission: 'round',
  values: { batchBytesMin: 1, valueBytesMin: 1 },
});

async function compare(shapes: readonly Shape[], rounds: number, root: string): Promise<void> {
  say('| round | inline p50 ms | separated p50 ms | separated / inline | at p10 | inline p99 | separated p99 |');
  say('|---|---|---|---|---|---|---|');
  for (const { lanes, kib } of shapes) {
    const workload = { id: `${lanes}x${kib}`, lanes, blocksPerLane: 1, blockBytes: kib * KIB, blocksKept: BLOCKS_KEPT };
    const turns = await takeTurns([levelInline, separated], workload, rounds, root);
    const [inlineMs, separatedMs] = turns.map(
      ({ ms }) =>
        (share: number) =>
          percentile(ms, share),
    );
    if (inlineMs === undefined || separatedMs === undefined) throw new Error('a contender is missing');
    const ratio = (share: number) => separatedMs(share) / inlineMs(share);
    const figures = [inlineMs(0.5), separatedMs(0.5), ratio(0.5), ratio(0.1), inlineMs(0.99), separatedMs(0.99)];
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
