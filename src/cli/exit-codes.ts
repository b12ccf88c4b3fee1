/**
 * The exit codes of every command: one table, which `lanestore help` prints and docs/exit-codes.md repeats (a test
 * compares them).
 */
import { constants } from 'node:os';
import type { LanestoreErrorCode } from '../index.js';

/** Every outcome, in the order of the codes. Codes are part of the public contract: they are added, never changed. */
export const EXIT_CODES = {
  ok: { code: 0, means: 'done, and nothing is wrong' },
  damaged: { code: 1, means: 'a state is damaged or rolled back, or a hash or signature in it does not hold' },
  usage: { code: 2, means: 'the command line is not understood; nothing was done' },
  refused: { code: 3, means: 'not done, or not readable: the LANESTORE code that is printed says why' },
  differs: { code: 4, means: 'diff: both states can be read, and they differ' },
  absent: { code: 5, means: 'get, ls: nothing is stored under this key or prefix' },
  output: { code: 6, means: 'standard output could not be written, e.g. to a full disk' },
  internal: { code: 7, means: 'an error in lanestore itself; the stack trace is for a bug report' },
} as const satisfies Record<string, { code: number; means: string }>;

/** A name of the table {@link EXIT_CODES}. */
export type ExitName = keyof typeof EXIT_CODES;

/** The rule for what a signal ended, as the table shows it. */
export const SIGNAL_EXIT = {
  code: '128 + n',
  means: 'ended by signal n, as shells show it; copies are removed first',
} as const;

/** The code of each outcome. */
export const EXIT = Object.fromEntries(Object.entries(EXIT_CODES).map(([name, { code }]) => [name, code])) as Readonly<
  Record<ExitName, number>
>;

/** The state could be read, and is not what it must be. */
const DAMAGE: ReadonlySet<LanestoreErrorCode> = new Set(['LANESTORE_CORRUPT', 'LANESTORE_ROLLED_BACK']);

/** With which code a command ends that fails with an error of this code. */
export function exitOf(code: LanestoreErrorCode): number {
  return DAMAGE.has(code) ? EXIT.damaged : EXIT.refused;
}

/** With which code a shell shows a command that this signal has ended. */
export function exitOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
