/**
 * Shared by the repository's own programs (bench, devnet, faults) and the command line: help,
 * signals, failed output, exit codes.
 */
import { stdout } from './channel.js';
import { CommandError, UsageError } from './command-error.js';
import { EXIT } from './exit-codes.js';
import { note, outputError, print } from './output.js';
import { cleanUp, endOnSignals } from './signals.js';
import { run as printVersion } from './version.js';

/**
 * Runs `main` with the arguments of this process. The exit code is the number that `main` resolves
 * with: 0, or 1 if the program found a fault. `--help` or `help` prints `usage` and ends with 0.
 * `--version` or `version` prints the version and ends with 0. A UsageError prints its message and
 * `usage` and ends with 2. Output that cannot be written ends with 6. Any other error prints its
 * stack and ends with 7.
 */
export async function runScript(usage: string, main: (args: string[]) => Promise<number>): Promise<void> {
  endOnSignals();
  const args = process.argv.slice(2);
  const asksFor = (word: string, ...names: string[]) => args[0] === word || args.some((arg) => names.includes(arg));
  const asksForHelp = asksFor('help', '--help', '-h');
  if (asksForHelp || asksFor('version', '--version', '-V')) {
    if (asksForHelp) print(usage.trimEnd());
    else await printVersion([], {});
    process.exitCode = await withOutput(EXIT.ok);
    return;
  }
  process.on('uncaughtException', (error) => {
    process.exitCode = explain(error, usage);
    cleanUp();
    process.exit();
  });
  const code = await main(args).catch((error: unknown) => explain(error, usage));
  process.exitCode = await withOutput(code);
}

/** The result of `read`. @throws UsageError with the message of any error that `read` throws. */
export function understood<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/**
 * The value of an option, a whole number of at least `min`.
 * @throws UsageError if it is not one.
 */
export function wholeOption(name: string, text: string, min: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value) && value >= min) return value;
  throw new UsageError(`--${name} must be a whole number, at least ${min}, got "${text}"`);
}

function explain(error: unknown, usage: string): number {
  if (error instanceof CommandError) {
    note(error instanceof UsageError ? `${error.message}\n\n${usage.trimEnd()}` : error.message);
    return EXIT[error.exit];
  }
  note(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return EXIT.internal;
}

async function withOutput(code: number): Promise<number> {
  await stdout.flush();
  const error = outputError();
  if (error === undefined || code === EXIT.output) return code;
  return explain(error, '');
}
