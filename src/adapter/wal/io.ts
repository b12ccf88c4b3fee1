/** Coded errors for failed system calls and for damage that was found. */
import { messageOf } from '../../base/permission-model.js';
import { type Finding, LanestoreError } from '../../errors.js';

export { messageOf };

/** The system's error code, e.g. `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

const OUT_OF_SPACE = new Set(['ENOSPC', 'EDQUOT']);
const OUT_OF_DESCRIPTORS = new Set(['EMFILE', 'ENFILE']);

/** True if the disk or the user's quota is full. */
export function isOutOfSpace(error: unknown): boolean {
  return isBecauseOf(error, OUT_OF_SPACE);
}

/** True if the process or the system has no free file descriptor. */
export function isOutOfDescriptors(error: unknown): boolean {
  return isBecauseOf(error, OUT_OF_DESCRIPTORS);
}

/** True if the error, or an error in its chain of causes, has one of these system codes. */
function isBecauseOf(error: unknown, codes: ReadonlySet<string>): boolean {
  if (codes.has(systemCode(error) ?? '')) return true;
  return error instanceof Error && error.cause !== undefined && isBecauseOf(error.cause, codes);
}

/** Runs `read`, which reads or opens something. A system error is rethrown as LANESTORE_IO. */
export async function reading<T>(what: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof LanestoreError) throw error;
    throw new LanestoreError('LANESTORE_IO', `cannot ${what}: ${messageOf(error)}`, { cause: error });
  }
}

/** Returns `cause` if it is LANESTORE_FAILED, else a new LANESTORE_FAILED error with this cause. */
export function writeFailed(what: string, cause: unknown): LanestoreError {
  if (cause instanceof LanestoreError && cause.code === 'LANESTORE_FAILED') return cause;
  return new LanestoreError('LANESTORE_FAILED', `cannot ${what}: ${messageOf(cause)}`, { cause });
}

/**
 * The LANESTORE_CORRUPT error for damage that is not repaired. `findings` has at least one element;
 * `findingsTotal` is larger than its length if not all findings were kept.
 */
export function corruptionError(
  what: string,
  {
    findings,
    findingsTotal = findings.length,
  }: { readonly findings: readonly Finding[]; readonly findingsTotal?: number },
): LanestoreError {
  const [first] = findings;
  const more = findingsTotal > 1 ? ` (and ${findingsTotal - 1} more findings)` : '';
  const where = first?.offset === undefined ? first?.file : `${first.file}, byte ${first.offset}`;
  return new LanestoreError('LANESTORE_CORRUPT', `${what} is damaged: ${where}: ${first?.detail}${more}`, { findings });
}

/**
 * Runs `work` over `items`, at most `limit` at a time. Resolves with the results in the order of
 * the items. On a failure, throws the first one (in that order) after all work has ended.
 */
export async function mapLimited<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const run = async () => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i]!);
  };
  const settled = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, run));
  for (const result of settled) if (result.status === 'rejected') throw result.reason;
  return results;
}
