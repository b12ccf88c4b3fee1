/**
 * The exit codes of all commands. `lanestore help` prints this table, and docs/exit-codes.md
 * repeats it (a test compares them).
 */
import { constants } from 'node:os';
import type { LanestoreErrorCode } from '../index.js';

/**
 * All outcomes, in the order of their codes. Codes are a public contract: new ones may be added,
 * none changes.
 */
export const EXIT_CODES = {
  ok: { code: 0, means: 'done, and nothing is wrong' },
  damaged: { code: 1, means: 'a state is damaged or rolled back, or a hash or signature in it is invalid' },
  usage: { code: 2, means: 'the command line is invalid; nothing was done' },
  refused: { code: 3, means: 'refused, or not readable: the printed LANESTORE code says why' },
  differs: { code: 4, means: 'diff: all states can be read, and they differ' },
  absent: { code: 5, means: 'get, ls, find: nothing is stored under this key or prefix' },
  output: { code: 6, means: 'standard output could not be written, e.g. to a full disk' },
  internal: { code: 7, means: 'an error in lanestore itself; the stack trace is for a bug report' },
} as const satisfies Record<string, { code: number; means: string }>;

/** A name of the table {@link EXIT_CODES}. */
export type ExitName = keyof typeof EXIT_CODES;

/** The exit code of a command that a signal ended. */
export const SIGNAL_EXIT = {
  code: '128 + n',
  means: 'ended by signal n, as shells report it; private copies are removed first',
} as const;

/** The code of each outcome. */
export const EXIT = Object.fromEntries(Object.entries(EXIT_CODES).map(([name, { code }]) => [name, code])) as Readonly<
  Record<ExitName, number>
>;

/** Codes of a state that is readable, but damaged or rolled back. */
const DAMAGE: ReadonlySet<LanestoreErrorCode> = new Set(['LANESTORE_CORRUPT', 'LANESTORE_ROLLED_BACK']);

/** The exit code of a command that fails with this error code. */
export function exitOf(code: LanestoreErrorCode): number {
  return DAMAGE.has(code) ? EXIT.damaged : EXIT.refused;
}

/** The exit code that a shell reports for a process that this signal ended. */
export function exitOfSignal(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}
