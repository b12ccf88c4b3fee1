/**
 * `node .build/bench/values-crossover.js [rounds] [dir]`: from how many bytes a batch on large values are better kept apart: rounds of a block a
 * lane in four lanes, all inline against all in value files, at sizes around the default `batchBytesMin`. Separating a batch costs a second sync;
 * what it saves grows with the bytes.
 */
import { loadavg } from 'node:os';
import { positionals } from './args.js';
import { levelInline, levelKind } from './contenders/level.js';
import { scratchRoot } from './disk.js';
import { digits, percentile } from './stats.js';
import { takeTurns } from './turns.js';
import { BLOCKS_KEPT } from './workload.js';

const KIB = 1024;
const LANES = 4;
const BLOCK_KIB = [8, 16, 32, 64, 128, 256];

const apart = levelKind({
  name: 'level-apart',
  description: 'this store, every block in a value file',
  submission: 'round',
  values: { batchBytesMin: 1, valueBytesMin: 1 },
});

const [rounds = '150', dir] = positionals('node .build/bench/values-crossover.js [rounds] [dir]');
const root = scratchRoot(dir);
process.stdout.write(`load before: ${loadavg()[0]?.toFixed(2)}\n\n`);
process.stdout.write(
  '| KiB a batch | inline p50 ms | apart p50 ms | apart / inline | inline p99 | apart p99 |\n|---|---|---|---|---|---|\n',
);
for (const kib of BLOCK_KIB) {
  const workload = { id: `${kib}`, lanes: LANES, blocksPerLane: 1, blockBytes: kib * KIB, blocksKept: BLOCKS_KEPT };
  const [inline, separate] = (await takeTurns([levelInline, apart], workload, Number(rounds), root)).map(({ ms }) => ({
    p50: percentile(ms, 0.5),
    p99: percentile(ms, 0.99),
  }));
  if (inline === undefined || separate === undefined) throw new Error('a contender is missing');
  const cells = [inline.p50, separate.p50, separate.p50 / inline.p50, inline.p99, separate.p99].map((value) =>
    digits(value),
  );
  process.stdout.write(`| ${LANES * kib} | ${cells.join(' | ')} |\n`);
}
