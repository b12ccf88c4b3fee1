/**
 * What a row of the fault campaign is (issue 6, the table), and how a case of it ends: with a class of verdict, or with a {@link Wrong}.
 *
 * A case is made from the campaign's seed, its row and its number alone, so `--seed S --case ROW/I` brings it back.
 */
import { Random } from '../support/kill.js';

/** How a store can fail a case. */
export const MISTAKES = {
  silent:
    'it opened, or went on, with an acknowledged entry missing or wrong, or with something that was never written',
  refused: 'a healthy store was refused',
  died: 'the process was aborted, or hung',
  touched: 'a store that was refused was changed by it, or not refused again',
  wrong: 'refused otherwise than promised: another code, a finding that names nothing, an error without a code',
} as const;

export type Mistake = keyof typeof MISTAKES;

/** What must hold does not. */
export class Wrong extends Error {
  readonly mistake: Mistake;

  constructor(mistake: Mistake, detail: string) {
    super(detail);
    this.mistake = mistake;
  }
}

/** How many cases: a number, or what {@link Row.count} makes of it. */
export interface Counts {
  readonly full: number | 'all';
  readonly short: number | 'all';
}

/** What a case is given. */
export interface CaseContext {
  /** Random numbers of this case alone. */
  readonly random: Random;
  /** An empty directory in memory: for what needs no disk. */
  readonly dir: string;
  /** An empty directory on a disk. */
  readonly disk: string;
}

/** What a row is prepared with, in every process that runs cases of it. */
export interface PrepareContext {
  readonly seed: number;
  readonly dir: string;
}

/** A row of the table. */
export interface Row<Prepared = unknown> {
  /** Its name on the command line. */
  readonly name: string;
  /** The fault, in the words of the table. */
  readonly fault: string;
  /** What must hold, in the words of the table. */
  readonly mustHold: string;
  readonly counts: Counts;
  /** One process runs all cases: what it prepared is not the same in two of them. */
  readonly alone?: boolean;
  /** Why it cannot run on this machine, if it cannot. */
  unable?(): string | undefined;
  prepare(context: PrepareContext): Promise<Prepared>;
  /** Whether case `i` may abort the process: damage beyond what preflight is asked to read. */
  mayDie?(i: number): boolean;
  /** The number of cases that there are, where the table says "all" or at least so many. */
  count?(prepared: Prepared): number;
  /** Runs case `i`: the class of its verdict, or a {@link Wrong}. */
  run(prepared: Prepared, i: number, context: CaseContext): Promise<string>;
}

/** The random numbers of a case; without a number, those that a row is prepared with. */
export function caseRandom(seed: number, row: string, i = -1): Random {
  let hash = (seed ^ 0x9e3779b9) >>> 0;
  for (const part of `${row}/${i}`) hash = Math.imul(hash ^ part.charCodeAt(0), 0x01000193) >>> 0;
  return new Random(hash);
}

/** A random order of `items`, the same for the same random numbers. */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.int(0, i + 1);
    [order[i], order[j]] = [order[j] as T, order[i] as T];
  }
  return order;
}
