/** What a verb of the command line is. */
import type { ParseArgsConfig } from 'node:util';
import type { LanestoreErrorCode } from '../index.js';
import { UsageError } from './command-error.js';

/** Parsed options of a verb. */
export type OptionValues = Readonly<Record<string, string | boolean | undefined>>;

/** What to do about errors, by their codes. */
export type Advice = Readonly<Partial<Record<LanestoreErrorCode, string>>>;

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
  /** What its first argument names: a store, a state directory of any layout, or one from which a target is made. */
  readonly reads?: 'store' | 'state' | 'source';
  /** For errors with which it ends; `reads` has advice of its own. */
  readonly advice?: Advice;
  /** Runs it; resolves with the exit code, a value of `EXIT`. */
  run(positionals: readonly string[], options: OptionValues): Promise<number>;
}

/** A whole number from an option. @throws UsageError. */
export function wholeNumber(options: OptionValues, name: string, fallback: number, min: number): number {
  const text = options[name];
  if (text === undefined) return fallback;
  const value = typeof text === 'string' && /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value) || value < min) {
    throw new UsageError(`--${name} must be a whole number, at least ${min}, got "${String(text)}"`);
  }
  return value;
}
