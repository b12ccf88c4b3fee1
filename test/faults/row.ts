/**
 * Defines a row of the fault campaign (docs/faults.md) and how one of its cases ends: with a class
 * of verdict, or with a {@link Wrong}.
 *
 * A case depends only on the campaign's seed, its row and its number, so `--seed S --case ROW/I`
 * repeats it.
 */
import { Random } from '../support/kill.js';

/** The ways in which a store can fail a case. */
export const MISTAKES = {
  silent:
    'it opened, or went on, with an acknowledged entry missing or wrong, or with something that was never written',
  refused: 'a healthy store was refused',
  died: 'the process was aborted, or hung',
  touched: 'a store that was refused was changed by it, or not refused again',
  wrong: 'refused otherwise than promised: another code, a finding that names nothing, an error without a code',
} as const;

export type Mistake = keyof typeof MISTAKES;

/** A violated requirement. */
export class Wrong extends Error {
  readonly mistake: Mistake;

  constructor(mistake: Mistake, detail: string) {
    super(detail);
    this.mistake = mistake;
  }
}

/** Number of cases: a number, or the result of {@link Row.count}. */
export interface Counts {
  readonly full: number | 'all';
  readonly short: number | 'all';
}

/** The input of a case. */
export interface CaseContext {
  /** Random numbers of this case alone. */
  readonly random: Random;
  /** An empty directory in memory, for cases that need no disk. */
  readonly dir: string;
  /** An empty directory on a disk. */
  readonly disk: string;
}

/** The input of a row's preparation, in every process that runs its cases. */
export interface PrepareContext {
  readonly seed: number;
  readonly dir: string;
}

/** A row of the table. */
export interface Row<Prepared = unknown> {
  /** Its name on the command line. */
  readonly name: string;
  /** The fault, as in the table. */
  readonly fault: string;
  /** The requirement, as in the table. */
  readonly mustHold: string;
  readonly counts: Counts;
  /** One process runs all cases: two processes would prepare different specimens. */
  readonly alone?: boolean;
  /** Why it cannot run on this machine, if it cannot. */
  unable?(): string | undefined;
  prepare(context: PrepareContext): Promise<Prepared>;
  /** Ends what the preparation started. */
  dispose?(prepared: Prepared): Promise<void>;
  /** Whether case `i` may abort the process: damage outside the range that the preflight reads. */
  mayDie?(i: number): boolean;
  /** The number of cases, where the table says "all" or a minimum. */
  count?(prepared: Prepared): number;
  /** Runs case `i`. Returns the class of its verdict. @throws Wrong. */
  run(prepared: Prepared, i: number, context: CaseContext): Promise<string>;
}

/** The random numbers of a case; without a number, those of a row's preparation. */
export function caseRandom(seed: number, row: string, i = -1): Random {
  let hash = (seed ^ 0x9e3779b9) >>> 0;
  for (const part of `${row}/${i}`) hash = Math.imul(hash ^ part.charCodeAt(0), 0x01000193) >>> 0;
  return new Random(hash);
}

/** A shuffled copy of `items`, the same for the same random numbers. */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.int(0, i + 1);
    [order[i], order[j]] = [order[j] as T, order[i] as T];
  }
  return order;
}
