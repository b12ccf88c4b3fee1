/**
 * What a vote costs in a round: rounds of one node's inner state, with a vote and without, in turns
 * on one store, so that the disk's moods meet both. `node .build/bench/experiments/votes.js [PAIRS]
 * [DIRECTORY]`
 *
 * Under `strace -f -c -e trace=fdatasync,fsync` with PAIRS 0, `votes.js 0 DIRECTORY ROUNDS` gives
 * ROUNDS votes alone and nothing else.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { autobahn, openGuard, openLevel } from '../../src/index.js';
import { makeNetwork } from '../../test/support/network.js';

const [pairs = 2000, directory = tmpdir(), alone = 0] = [
  Number(process.argv[2] ?? 2000),
  process.argv[3] ?? tmpdir(),
  Number(process.argv[4] ?? 0),
];
const INNER_BYTES = 600;
const WARM_UP = 100;

const net = makeNetwork({ validators: 4 });
const qc = net.commitQC();
const dir = mkdtempSync(join(directory, 'lanestore-votes-'));
const store = await openLevel(dir, { model: autobahn });
const guard = await openGuard({ store, model: autobahn, key: net.secret(0), firstUse: true });
let view = 0n;
const next = () => ({ kind: 'prepareVote', value: { ...qc.vote, view: { index: 0n, number: view++ } } }) as const;
const inner = new Uint8Array(INNER_BYTES);

async function timed(round: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await round();
  return performance.now() - begin;
}

const medianOf = (samples: number[]) => samples.sort((a, b) => a - b)[samples.length >> 1] ?? Number.NaN;

for (let i = 0; i < alone; i++) await store.persist({ votes: [next()] });

const times = { without: [] as number[], with: [] as number[], guarded: [] as number[] };
for (let i = 0; i < (pairs === 0 ? 0 : pairs + WARM_UP); i++) {
  const rounds = [
    ['without', () => store.persist({ inner })],
    ['with', () => store.persist({ inner, votes: [next()] })],
    ['guarded', () => guard.round({ votes: [next()], inner: () => inner })],
  ] as const;
  // In another order each time: what comes after what must not matter.
  for (let j = 0; j < rounds.length; j++) {
    const [kind, round] = rounds[(i + j) % rounds.length]!;
    const ms = await timed(round);
    if (i >= WARM_UP) times[kind].push(ms);
  }
}
if (pairs > 0) {
  const base = medianOf(times.without);
  for (const kind of ['without', 'with', 'guarded'] as const) {
    const ms = medianOf(times[kind]);
    process.stdout.write(`${kind.padEnd(8)} median ${(ms * 1000).toFixed(1)} us, ${(ms / base).toFixed(3)} x\n`);
  }
}
process.stdout.write(`batches ${store.seq}\n`);
await guard.close();
await store.close();
rmSync(dir, { recursive: true });
