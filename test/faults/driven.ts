/**
 * Rounds on a store whose disk fails meanwhile: the acknowledged rounds, the error, and the answers
 * of the store after it.
 */
import { isLanestoreError } from '../../src/errors.js';
import { Random } from '../support/kill.js';
import { Oracle, roundOf } from '../support/oracle.js';
import { type OpenOptions, openPlain, type PlainLevelStore } from './check.js';
import { makeRounds, type RoundCall, type RoundShape } from './specimen.js';

/** A run, as JSON for a child process. */
export interface Drive {
  readonly location: string;
  readonly seed: number;
  readonly rounds: number;
  readonly shape: RoundShape;
  readonly options: OpenOptions;
  /** Rounds that are submitted together. */
  readonly together: number;
}

/** The result of a run. */
export interface Trace {
  /** Number of acknowledged rounds, which are all the first ones. */
  readonly acknowledged: number;
  /** The code of a refused open. */
  readonly refused?: string;
  /**
   * The code of the first round that was not acknowledged, if any; `later`: the outcomes of the
   * calls after it.
   */
  readonly failed?: string;
  readonly later: readonly string[];
  /** Rounds that were refused for lack of space before anything was written, and accepted later. */
  readonly waited: number;
}

/** Calls made on a failed store after the fault is over. */
const LATER = 5;

/** The rounds of a run: the same for the same seed, in every process. */
export function drivenRounds({ seed, rounds, shape }: Drive): RoundCall[] {
  return makeRounds(new Oracle(), rounds, shape, new Random(seed));
}

/**
 * Opens, persists rounds until one fails or all are done, ends the fault by `mend`, continues,
 * closes.
 */
export async function drive(what: Drive, mend: () => void): Promise<Trace> {
  let store: PlainLevelStore;
  try {
    store = await openPlain(what.location, what.options);
  } catch (error) {
    return { acknowledged: 0, refused: codeOf(error), later: [], waited: 0 };
  }
  const rounds = drivenRounds(what);
  let acknowledged = 0;
  let waited = 0;
  let failed: string | undefined;
  while (acknowledged < rounds.length && failed === undefined) {
    const group = rounds.slice(acknowledged, acknowledged + what.together);
    const codes = await Promise.all(group.map((round) => outcome(store, round)));
    const first = codes.findIndex((code) => code !== 'ok');
    acknowledged += first < 0 ? codes.length : first;
    if (first < 0) continue;
    if (codes.slice(first).includes('ok')) throw new Error(`a round after a refused one was acknowledged: ${codes}`);
    failed = codes[first];
    if (failed !== 'LANESTORE_CAPACITY') break;
    // Refused before it was written: with space again the same store accepts it. Later rounds may
    // have been out of sequence then.
    failed = undefined;
    waited++;
    mend();
    await store.ready();
  }
  mend();
  const later: string[] = [];
  if (failed !== undefined) {
    for (const round of rounds.slice(acknowledged, acknowledged + LATER)) later.push(await outcome(store, round));
    later.push(
      codeOf(
        await store.ready().then(
          () => 'ok',
          (error: unknown) => error,
        ),
      ),
    );
  }
  await store.close();
  return { acknowledged, ...(failed === undefined ? {} : { failed }), later, waited };
}

async function outcome(store: PlainLevelStore, round: RoundCall): Promise<string> {
  try {
    await store.persist(roundOf(round));
    return 'ok';
  } catch (error) {
    return codeOf(error);
  }
}

function codeOf(error: unknown): string {
  return isLanestoreError(error) ? error.code : String(error);
}
