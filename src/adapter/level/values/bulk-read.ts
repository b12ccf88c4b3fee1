/**
 * Reads many separated values, for recovery: file by file, in the order of offsets. Adjacent values
 * are read together. The next read is in progress while the values of the previous one are checked,
 * with the same checks as in reads.ts.
 */

import { close } from 'node:fs';
import { promisify } from 'node:util';
import { readFully } from '../../../base/open-file.js';
import type { ValueRef } from '../format/value-ref.js';
import { missingFile, openValueFile, type Resolved, recordAt } from './reads.js';

/** A separated value to read. */
export interface Wanted {
  readonly reference: ValueRef;
  /** Called once. If `keep` is false, the memory of the record is reused after the call. */
  readonly take: (resolved: Resolved) => void;
}

/** Upper bound of one read of adjacent values. */
const READ_BYTES = 1024 * 1024;
/**
 * Gaps up to this size are read rather than skipped: this costs less than a seek, and covers most
 * padding.
 */
const GAP_BYTES = 16 * 1024;

/** Values that are close together in one file. */
interface Run {
  readonly file: bigint;
  readonly offset: number;
  readonly wanted: Wanted[];
  end: number;
}

const closeFile = promisify(close);

/**
 * Reads all `wanted` values from the files in `dir`. With `keep: false`, the memory of two reads is
 * reused for all of them. With `keep: true`, each read gets new memory. Rejects with the system's
 * error.
 */
export async function readSequentially(
  dir: string | undefined,
  wanted: readonly Wanted[],
  { keep }: { readonly keep: boolean },
): Promise<void> {
  const runs = runsOf(wanted);
  const buffers: Buffer[] = [];
  const bufferFor = (index: number, bytes: number) => {
    if (keep) return Buffer.allocUnsafeSlow(bytes);
    const reused = buffers[index % 2];
    const buffer = reused !== undefined && reused.length >= bytes ? reused : Buffer.allocUnsafeSlow(bytes);
    buffers[index % 2] = buffer;
    return buffer.subarray(0, bytes);
  };
  let opened: { readonly file: bigint; readonly fd: number | undefined } | undefined;
  const load = async (index: number): Promise<Uint8Array | undefined> => {
    const run = runs[index];
    if (run === undefined) return undefined;
    if (opened?.file !== run.file) {
      if (opened?.fd !== undefined) await closeFile(opened.fd);
      opened = undefined;
      opened = { file: run.file, fd: dir === undefined ? undefined : await openValueFile(dir, run.file) };
    }
    if (opened.fd === undefined) return undefined;
    const buffer = bufferFor(index, run.end - run.offset);
    return buffer.subarray(0, await readFully(opened.fd, buffer, run.offset));
  };
  let next = load(0);
  try {
    for (const [index, run] of runs.entries()) {
      const bytes = await next;
      next = load(index + 1);
      handOver(run, bytes, dir);
    }
    await next;
  } finally {
    // If a descriptor were closed during a read, the read could reach another file that has reused
    // the descriptor.
    await next.catch(() => undefined);
    const { fd } = opened ?? {};
    if (fd !== undefined) await closeFile(fd);
  }
}

function runsOf(wanted: readonly Wanted[]): Run[] {
  const sorted = [...wanted].sort(({ reference: a }, { reference: b }) =>
    a.file === b.file ? a.offset - b.offset : a.file < b.file ? -1 : 1,
  );
  const runs: Run[] = [];
  for (const read of sorted) {
    const { file, offset, length } = read.reference;
    const last = runs.at(-1);
    const end = offset + length;
    if (last?.file === file && offset - last.end <= GAP_BYTES && end - last.offset <= READ_BYTES) {
      last.wanted.push(read);
      last.end = Math.max(last.end, end);
    } else {
      runs.push({ file, offset, wanted: [read], end });
    }
  }
  return runs;
}

function handOver(run: Run, bytes: Uint8Array | undefined, dir: string | undefined): void {
  for (const { reference, take } of run.wanted) {
    if (bytes === undefined) {
      take({ reference, fault: missingFile(dir) });
      continue;
    }
    const from = reference.offset - run.offset;
    take({ reference, ...recordAt(reference, bytes.subarray(from, from + reference.length)) });
  }
}
