/** What a verb of the command line is. */
import type { ParseArgsConfig } from 'node:util';

/** Parsed options of a verb. */
export type OptionValues = Readonly<Record<string, string | boolean | undefined>>;

/** A verb: one file each. */
export interface Verb {
  /** Its arguments, as help shows them, e.g. `ROUNDS LOCATION`. */
  readonly usage: string;
  /** One sentence. */
  readonly summary: string;
  /** Lines for `--help`, below the usage. */
  readonly help: readonly string[];
  readonly options: NonNullable<ParseArgsConfig['options']>;
  /** How many positional arguments it takes, at least and at most. */
  readonly positionals: readonly [min: number, max: number];
  /** Runs it; resolves with the exit code. */
  run(positionals: readonly string[], options: OptionValues): Promise<number>;
}

/** A mistake of whoever typed the command: exit code 2. */
export class UsageError extends Error {}

/** A whole number from an option. @throws UsageError. */
export function wholeNumber(options: OptionValues, name: string, fallback: number, min: number): number {
  const text = options[name];
  if (text === undefined) return fallback;
  const value = Number(text);
  if (typeof text !== 'string' || !Number.isSafeInteger(value) || value < min) {
    throw new UsageError(`--${name} must be a whole number, at least ${min}, got "${String(text)}"`);
  }
  return value;
}
