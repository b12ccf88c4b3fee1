/**
 * Contenders take turns round by round in one process. Other work on the machine affects such
 * ratios least. The order rotates and alternates: a contender that is always at an end runs more
 * often than the others right after the generation of a round, with cold caches.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ContenderKind } from './contenders/contender.js';
import { mainThreadCpuMs } from './proc.js';
import { RoundSource } from './rounds.js';
import type { Workload } from './workload.js';

const SEED = 1;
/** Default of the warm-up, if as many rounds are measured. */
const WARM_UP_ROUNDS = 300;

/** The times of a contender's rounds in milliseconds, in order. */
export interface Turns {
  readonly name: string;
  readonly ms: readonly number[];
  /** CPU time of the main thread, which a node shares with the store. */
  readonly cpuMs: readonly number[];
}

/**
 * Opens all contenders below `root`, and measures `rounds` rounds after a warm-up, which fills the
 * lanes at least twice, so that value files are reused.
 */
export async function takeTurns(
  kinds: readonly ContenderKind[],
  workload: Workload,
  rounds: number,
  root: string,
  warmUpRounds = Math.min(WARM_UP_ROUNDS, rounds),
): Promise<Turns[]> {
  const dir = mkdtempSync(join(root, 'turns-'));
  try {
    const source = new RoundSource(workload, SEED);
    const contenders = [];
    for (const [i, kind] of kinds.entries()) {
      // Not the name: names of other builds are paths.
      const place = join(dir, String(i));
      mkdirSync(place);
      contenders.push({
        name: kind.name,
        contender: await kind.open(place),
        ms: [] as number[],
        cpuMs: [] as number[],
      });
    }
    const warmUp = Math.max(2 * source.roundsToFill, warmUpRounds);
    for (let round = 0; round < warmUp + rounds; round++) {
      const entries = source.next();
      const jobs = contenders.map(({ contender, ...times }) => ({ job: contender.prepare(entries), ...times }));
      for (const { job, ms, cpuMs } of inTurn(jobs, round)) {
        const before = mainThreadCpuMs();
        const { roundMs } = await job();
        // What a store does after a round must not delay the next contender, and counts as its CPU.
        await new Promise((resolve) => setImmediate(resolve));
        if (round < warmUp) continue;
        ms.push(roundMs);
        cpuMs.push(mainThreadCpuMs() - before);
      }
    }
    for (const { contender } of contenders) await contender.close();
    return contenders;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Each item is first once in as many rounds as there are items; then the direction changes. */
export function inTurn<T>(items: readonly T[], round: number): T[] {
  const first = round % items.length;
  const turned = [...items.slice(first), ...items.slice(0, first)];
  const isBackward = Math.floor(round / items.length) % 2 === 1;
  return isBackward ? [turned[0] as T, ...turned.slice(1).reverse()] : turned;
}
