/**
 * Opens stores in other processes, which LevelDB may abort (docs/leveldb-hazards.md, Bit rot in a
 * table).
 */
import * as assert from 'uvu/assert';
import { spawnWorker } from './kill.js';

/** The outcome of an open in another process; undefined if LevelDB aborted it. */
export interface Outcome {
  readonly content?: string;
  readonly code?: string;
  readonly findings?: readonly string[];
  readonly message?: string;
}

/**
 * Opens all locations in child processes; a child that dies is replaced for the remaining
 * locations.
 */
export async function openElsewhere(locations: readonly string[]): Promise<(Outcome | undefined)[]> {
  const outcomes: (Outcome | undefined)[] = [];
  while (outcomes.length < locations.length) {
    const rest = locations.slice(outcomes.length);
    const child = spawnWorker(new URL('./open-worker.js', import.meta.url), rest);
    const { signal, code, stderr } = await child.ended;
    const ends = child.lines.filter((line) => line.startsWith('end '));
    outcomes.push(...ends.map((line) => JSON.parse(line.split(' ').slice(2).join(' ')) as Outcome));
    if (ends.length === rest.length) continue;
    assert.is(signal, 'SIGABRT', `code ${code}: ${stderr}`);
    outcomes.push(undefined);
  }
  return outcomes;
}
