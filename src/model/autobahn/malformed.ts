/** The fault that the codecs throw among themselves, and how it becomes what a caller sees. */
import { LanestoreError } from '../../errors.js';

/**
 * Something in a value is not as it should be. Each level that it passes on its way up puts its name in front of the
 * path, so a value without faults pays nothing for paths.
 */
export class Malformed extends Error {
  /** From the value that was handed in to the fault: `.vote.laneRanges[3].lastHash`. */
  path = '';
  readonly problem: string;
  /** True if a value has a JavaScript type that its field never has. */
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

/** `error`, with one more step in front of its path if it is a {@link Malformed}; for rethrowing. */
export function inside(step: string, error: unknown): unknown {
  if (error instanceof Malformed) error.path = step + error.path;
  return error;
}

/**
 * Runs `work` on the value that `root` names.
 * @throws LANESTORE_INVALID naming the field; a TypeError in its place for a wrong type, if `typeErrors` asks for it.
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
