/**
 * Errors of the command line itself, each with its exit code. Errors of the library are
 * `LanestoreError`.
 */
import type { ExitName } from './exit-codes.js';

/** An error that ends a command with the exit code of `exit`. */
export class CommandError extends Error {
  /** The outcome. `--json` prints it in upper case as `code`. */
  readonly exit: ExitName;
  /** The remedy; undefined if the message contains it. */
  readonly remedy: string | undefined;

  constructor(exit: ExitName, message: string, remedy?: string) {
    super(message);
    this.exit = exit;
    this.remedy = remedy;
  }
}

/** The command line cannot be parsed, or its arguments are invalid. */
export class UsageError extends CommandError {
  constructor(message: string) {
    super('usage', message);
  }
}

/** Nothing is stored under the requested key or prefix. */
export class AbsentError extends CommandError {
  constructor(message: string) {
    super('absent', message, 'lanestore ls lists the keys; nothing was changed');
  }
}
