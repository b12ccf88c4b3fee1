/** The interface of a verb of the command line. */
import type { ParseArgsConfig } from 'node:util';
import type { LanestoreErrorCode } from '../index.js';
import { UsageError } from './command-error.js';

/** The parsed options of a verb. */
export type OptionValues = Readonly<Record<string, string | boolean | undefined>>;

/** Remedies by error code. */
export type Advice = Readonly<Partial<Record<LanestoreErrorCode, string>>>;

/** The code of a verb; resolves with the exit code, a value of `EXIT`. */
export type Run = (positionals: readonly string[], options: OptionValues) => Promise<number>;

/** The description of a verb. Its code is in a file of its own, which exports `run`. */
export interface Verb {
  /** The arguments as shown by help, e.g. `ROUNDS LOCATION`. */
  readonly usage: string;
  /** One sentence. */
  readonly summary: string;
  /** The lines of `--help` after usage and summary. */
  readonly help: readonly string[];
  readonly options: NonNullable<ParseArgsConfig['options']>;
  /** The least and the largest number of positional arguments. */
  readonly positionals: readonly [min: number, max: number];
  /**
   * The kind of the first argument: a store, a state directory of any layout, or the source of a
   * migration.
   */
  readonly reads?: 'store' | 'state' | 'source';
  /** True if a location may be in PostgreSQL. */
  readonly takesPostgres?: boolean;
  /** Remedies for errors that end the verb. If absent, those for `reads` apply. */
  readonly advice?: Advice;
  /** True if the verb opens no state directory. */
  readonly opensNothing?: boolean;
  /** Loads the code, so that help, completion and other verbs start without it. */
  readonly load: () => Promise<{ readonly run: Run }>;
}

/**
 * The value of an option, a whole number of at least `min`.
 * @throws UsageError if it is not one.
 */
export function wholeNumber(options: OptionValues, name: string, fallback: number, min: number): number {
  const text = options[name];
  if (text === undefined) return fallback;
  const value = typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value) || value < min) {
    throw new UsageError(`--${name} must be a whole number, at least ${min}, got "${String(text)}"`);
  }
  return value;
}
