/**
 * What a vote costs in a round. Each turn has a round with a vote and one without, in random order,
 * on one store, so that the disk's moods meet both.
 * `node .build/bench/experiments/votes.js [pairs] [workloads] [directory]`
 *
 * First, rounds of a node's inner state only: without a vote, with one, signed by hand, and signed
 * by a guard. Then, for each workload, turns of a node: a round of the workload, and in the same
 * tick one of inner state, with a vote and without. Both are one batch, so one sync, unless large
 * values take a batch of their own (vii).
 *
 * Under `strace -f -c -e trace=fdatasync,fsync`, `votes.js 0 none DIRECTORY ROUNDS` gives ROUNDS
 * votes alone and nothing else. Without workloads: `none`.
 */
import { randomInt } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { autobahn, openGuard, openLevel } from '../../src/index.js';
import { makeNetwork } from '../../test/support/network.js';
import { positionals } from '../args.js';
import { scratchRoot } from '../disk.js';
import { RoundSource } from '../rounds.js';
import { median, medianInterval } from '../stats.js';
import { WORKLOADS, type Workload, workloadOf } from '../workload.js';

const USAGE = 'node .build/bench/experiments/votes.js [pairs] [workloads] [directory] [votes alone]';
const INNER_BYTES = 600;
/** Turns before the measured ones: V8 has compiled nearly everything then. */
const WARM_UP = 4000;
const SEED = 1;
/** Where the lane ranges of a proposal begin: a number of three bytes, not the one byte of a 0. */
const FIRST_BLOCK = 1_000_000n;

const all = WORKLOADS.map(({ id }) => id).join(',');
const [pairs = '1000', ids = all, directory, alone = '0'] = positionals(USAGE);
const inner = new Uint8Array(INNER_BYTES);

/** A store with a guard, and votes for a proposal of that many lanes. */
async function makeVoter(lanes: number) {
  const network = makeNetwork({ validators: lanes, firstBlock: FIRST_BLOCK });
  const secret = network.secret(0);
  const proposal = network.commitQC().vote;
  const dir = mkdtempSync(join(scratchRoot(directory), 'votes-'));
  const store = await openLevel(dir, { model: autobahn });
  const guard = await openGuard({ store, model: autobahn, key: secret, firstUse: true });
  let number = 0n;
  return {
    store,
    guard,
    secret,
    next: () => ({ kind: 'prepareVote', value: { ...proposal, view: { index: 0n, number: number++ } } }) as const,
    async close() {
      await guard.close();
      await store.close();
      rmSync(dir, { recursive: true });
    },
  };
}

type Voter = Awaited<ReturnType<typeof makeVoter>>;

/** Kinds of rounds by name; each makes one round, to be run later. */
type Kinds = Readonly<Record<string, () => () => Promise<unknown>>>;

/**
 * In random order: with a fixed one, work that a store does every few rounds, such as a new value
 * file, could always meet the same kind.
 */
function shuffled<T>(items: readonly T[]): T[] {
  const rest = [...items];
  return items.map(() => rest.splice(randomInt(rest.length), 1)[0] as T);
}

/** The milliseconds of the rounds of each kind; each turn has one of each. */
async function takeTurns(kinds: Kinds, turns: number, warmUp: number): Promise<Map<string, number[]>> {
  const ms = new Map(Object.keys(kinds).map((name) => [name, [] as number[]]));
  for (let turn = 0; turn < turns + warmUp; turn++) {
    for (const [name, make] of shuffled(Object.entries(kinds))) {
      const run = make();
      const begin = performance.now();
      await run();
      const end = performance.now();
      await new Promise((resolve) => setImmediate(resolve));
      if (turn >= warmUp) ms.get(name)?.push(end - begin);
    }
  }
  return ms;
}

/**
 * The medians in microseconds. For each pair of kinds also the ratio within a turn, as the median
 * with its 90 % confidence interval, and the median of the differences.
 */
function report(title: string, ms: ReadonlyMap<string, readonly number[]>, pairsOfKinds: [string, string][]): void {
  const times = (name: string) => ms.get(name) ?? [];
  const medians = [...ms.keys()].map((name) => `${name} ${(median(times(name)) * 1000).toFixed(1)} us`);
  const ratios = pairsOfKinds.map(([name, base]) => {
    const bases = times(base);
    const ratio = times(name).map((time, turn) => time / (bases[turn] as number));
    const more = times(name).map((time, turn) => (time - (bases[turn] as number)) * 1000);
    const [low, high] = medianInterval(ratio);
    const interval = `${median(ratio).toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
    return `${name} / ${base} ${interval}, ${median(more).toFixed(1)} us more`;
  });
  process.stdout.write(`${title}: ${medians.join(', ')}; ${ratios.join('; ')}\n`);
}

async function measureInner({ store, guard, secret, next }: Voter): Promise<void> {
  const { votes: model } = autobahn;
  const key = model.keyOf(secret);
  const kinds: Kinds = {
    without: () => () => store.persist({ inner }),
    with: () => {
      const votes = [next()];
      return () => store.persist({ inner, votes });
    },
    'by hand': () => {
      const vote = next();
      return () => {
        key.sign(model.digest(vote));
        return store.persist({ inner });
      };
    },
    guarded: () => {
      const votes = [next()];
      return () => guard.round({ votes, inner: () => inner });
    },
  };
  const ms = await takeTurns(kinds, Number(pairs), WARM_UP);
  report('inner', ms, [
    ['with', 'without'],
    ['guarded', 'by hand'],
  ]);
}

async function measureWorkload(workload: Workload): Promise<void> {
  const voter = await makeVoter(workload.lanes);
  const { store, next } = voter;
  const source = new RoundSource(workload, SEED);
  const turn = (votes: () => object) => () => {
    const { anchor, commitQCs, blocks } = source.next();
    const round = anchor === undefined ? { commitQCs, blocks } : { anchor, commitQCs, blocks };
    const own = { inner, ...votes() };
    return () => Promise.all([store.persist(round), store.persist(own)]);
  };
  const kinds = { without: turn(() => ({})), with: turn(() => ({ votes: [next()] })) };
  // Value files are used again once all lanes were filled twice.
  const warmUp = Math.max(source.roundsToFill, WARM_UP);
  const ms = await takeTurns(kinds, Number(pairs), warmUp);
  const batches = Number(store.seq) / (2 * (Number(pairs) + warmUp));
  report(`${workload.id} (${batches.toFixed(2)} batches a turn)`, ms, [['with', 'without']]);
  await voter.close();
}

const voter = await makeVoter(4);
for (let i = 0; i < Number(alone); i++) await voter.store.persist({ votes: [voter.next()] });
if (Number(pairs) > 0) await measureInner(voter);
process.stdout.write(`batches ${voter.store.seq}\n`);
await voter.close();
for (const id of Number(pairs) > 0 && ids !== 'none' ? ids.split(',') : []) await measureWorkload(workloadOf(id));
