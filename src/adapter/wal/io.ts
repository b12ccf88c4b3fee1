/** Coded errors for what the operating system refuses, and for what is found damaged. */
import { messageOf } from '../../base/permission-model.js';
import { type Finding, LanestoreError } from '../../errors.js';

export { messageOf };

/** The system's code of an error, e.g. `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

const OUT_OF_SPACE = new Set(['ENOSPC', 'EDQUOT']);
const OUT_OF_DESCRIPTORS = new Set(['EMFILE', 'ENFILE']);

/** True if the disk, or the user's share of it, is full. */
export function isOutOfSpace(error: unknown): boolean {
  return isBecauseOf(error, OUT_OF_SPACE);
}

/** True if the process, or the system, can open no more files. */
export function isOutOfDescriptors(error: unknown): boolean {
  return isBecauseOf(error, OUT_OF_DESCRIPTORS);
}

/** True if one of these codes of the system is the error's, or that of what caused it. */
function isBecauseOf(error: unknown, codes: ReadonlySet<string>): boolean {
  if (codes.has(systemCode(error) ?? '')) return true;
  return error instanceof Error && error.cause !== undefined && isBecauseOf(error.cause, codes);
}

/** Runs what reads or opens; what the system refuses becomes LANESTORE_IO. */
export async function reading<T>(what: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof LanestoreError) throw error;
    throw new LanestoreError('LANESTORE_IO', `cannot ${what}: ${messageOf(error)}`, { cause: error });
  }
}

/** The error that a rejected write leaves behind. A coded one keeps its place as the cause. */
export function writeFailed(what: string, cause: unknown): LanestoreError {
  if (cause instanceof LanestoreError && cause.code === 'LANESTORE_FAILED') return cause;
  return new LanestoreError('LANESTORE_FAILED', `cannot ${what}: ${messageOf(cause)}`, { cause });
}

/** The error for what is beyond mending: there is at least one finding. `findingsTotal`: how many there were, where not all are kept. */
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

/** Runs `work` over `items`, at most `limit` at a time; results in the order of the items, the first failure is thrown at the end. */
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
