/**
 * What a vote costs in a round, with and without in turns on one store, so that the disk's moods
 * meet both: rounds of one node's inner state, then rounds of four workloads.
 * `node .build/bench/experiments/votes.js [PAIRS] [DIRECTORY]`
 *
 * Under `strace -f -c -e trace=fdatasync,fsync` with PAIRS 0, `votes.js 0 DIRECTORY ROUNDS` gives
 * ROUNDS votes alone and nothing else.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { autobahn, openGuard, openLevel } from '../../src/index.js';
import { makeNetwork } from '../../test/support/network.js';
import { RoundSource } from '../rounds.js';
import { describe, workloadOf } from '../workload.js';

const [pairs = 2000, directory = tmpdir(), alone = 0] = [
  Number(process.argv[2] ?? 2000),
  process.argv[3] ?? tmpdir(),
  Number(process.argv[4] ?? 0),
];
const INNER_BYTES = 600;
const WARM_UP = 100;
const SEED = 1;

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
if (pairs > 0) report('inner state', times);
process.stdout.write(`batches ${store.seq}\n`);
await guard.close();
await store.close();
rmSync(dir, { recursive: true });
for (const id of pairs > 0 ? ['i', 'ii', 'iii', 'vi'] : []) await inWorkload(id);

/** Rounds of a workload; every second one has a vote for the view after its CommitQC. */
async function inWorkload(id: string): Promise<void> {
  const workload = workloadOf(id);
  const source = new RoundSource(workload, SEED);
  const place = mkdtempSync(join(directory, 'lanestore-votes-'));
  const busy = await openLevel(place, { model: autobahn });
  const warmUp = source.roundsToFill + WARM_UP;
  const took = { without: [] as number[], with: [] as number[] };
  for (let i = 0; i < warmUp + 2 * pairs; i++) {
    const { lanes: _, ...round } = source.next();
    const { vote } = round.commitQCs[0];
    const after = { ...vote, view: { index: vote.view.index + 1n, number: 0n } };
    const kind = i % 2 === 0 ? 'without' : 'with';
    const votes = kind === 'with' ? { votes: [{ kind: 'prepareVote', value: after } as const] } : {};
    const ms = await timed(() => busy.persist({ ...round, inner, ...votes }));
    if (i >= warmUp) took[kind].push(ms);
  }
  await busy.close();
  rmSync(place, { recursive: true });
  report(describe(workload), took);
}

function report(what: string, took: { readonly without: number[] } & Readonly<Record<string, number[]>>): void {
  const base = medianOf(took.without);
  for (const [kind, samples] of Object.entries(took)) {
    const ms = medianOf(samples);
    process.stdout.write(
      `${what}: ${kind.padEnd(8)} median ${(ms * 1000).toFixed(1)} us, ${(ms / base).toFixed(3)} x\n`,
    );
  }
}
