/** The error that codecs throw internally, and its conversion to a public error. */
import { LanestoreError } from '../../errors.js';

/**
 * A fault in a value. Each level that rethrows it prepends its name to the path, so a value without
 * faults costs nothing for paths.
 */
export class Malformed extends Error {
  /** Path from the outermost value to the fault: `.vote.laneRanges[3].lastHash`. */
  path = '';
  readonly problem: string;
  /** True if the value has the wrong JavaScript type. */
  readonly wrongType: boolean;

  constructor(problem: string, { wrongType = false, cause }: { wrongType?: boolean; cause?: unknown } = {}) {
    super(problem, cause === undefined ? undefined : { cause });
    this.problem = problem;
    this.wrongType = wrongType;
  }
}

/** A value of a wrong JavaScript type. */
export function wrongType(value: unknown, want: string): Malformed {
  return new Malformed(`is ${describe(value)}, must be ${want}`, { wrongType: true });
}

/** Returns `error` for rethrowing; prepends `step` to its path if it is a {@link Malformed}. */
export function inside(step: string, error: unknown): unknown {
  if (error instanceof Malformed) error.path = step + error.path;
  return error;
}

/**
 * Runs `work`, whose faults are in the value named `root`.
 * @throws LANESTORE_INVALID naming the field; TypeError instead for a wrong type, if `typeErrors`
 * is true.
 */
export function reporting<T>(root: string, { typeErrors }: { typeErrors: boolean }, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    const message = `${root}${error.path} ${error.problem}`;
    if (error.wrongType && typeErrors) throw new TypeError(message);
    throw new LanestoreError('LANESTORE_INVALID', message, 'cause' in error ? { cause: error.cause } : {});
  }
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Uint8Array) return 'a byte string';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
