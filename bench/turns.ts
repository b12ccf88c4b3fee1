/**
 * Contenders take turns round by round in one process, in alternating order. Other work on the
 * machine affects such ratios least.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ContenderKind } from './contenders/contender.js';
import { RoundSource } from './rounds.js';
import type { Workload } from './workload.js';

const SEED = 1;
/** Default of the warm-up, if as many rounds are measured. */
const WARM_UP_ROUNDS = 300;

/** The times of a contender's rounds in milliseconds, in order. */
export interface Turns {
  readonly name: string;
  readonly ms: readonly number[];
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
      contenders.push({ name: kind.name, contender: await kind.open(place), ms: [] as number[] });
    }
    const warmUp = Math.max(2 * source.roundsToFill, warmUpRounds);
    for (let round = 0; round < warmUp + rounds; round++) {
      const entries = source.next();
      const jobs = contenders.map(({ contender, ms }) => ({ job: contender.prepare(entries), ms }));
      if (round % 2 === 1) jobs.reverse();
      for (const { job, ms } of jobs) {
        const { roundMs } = await job();
        if (round >= warmUp) ms.push(roundMs);
      }
    }
    for (const { contender } of contenders) await contender.close();
    return contenders;
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
