/** Errors of the command line itself: each names its outcome. What the library throws is a `LanestoreError`. */
import type { ExitName } from './exit-codes.js';

/** Ends a command with a message and this outcome. */
export class CommandError extends Error {
  /** The outcome, which is its code in upper case for `--json`. */
  readonly exit: ExitName;
  /** What to do about it, if the message does not say it. */
  readonly remedy: string | undefined;

  constructor(exit: ExitName, message: string, remedy?: string) {
    super(message);
    this.exit = exit;
    this.remedy = remedy;
  }
}

/** The command line is not understood. */
export class UsageError extends CommandError {
  constructor(message: string) {
    super('usage', message);
  }
}

/** Nothing is stored under what was asked for. */
export class AbsentError extends CommandError {
  constructor(message: string) {
    super('absent', message, 'lanestore ls lists what there is; nothing was changed');
  }
}
