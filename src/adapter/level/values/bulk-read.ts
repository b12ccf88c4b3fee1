/**
 * Reading many separated values as recovery does: file by file, from front to back, neighbours in one read, while the ones before are
 * checked. Each value is handed over as it comes, with the same checks as in reads.ts.
 */
import { close } from 'node:fs';
import { promisify } from 'node:util';
import type { ValueRef } from '../format/value-ref.js';
import { missingFile, openValueFile, type Resolved, readFully, recordAt } from './reads.js';

/** A separated value that is to be read. */
export interface Wanted {
  readonly reference: ValueRef;
  /** Called once. The record's memory is used again afterwards if `keep` is false. */
  readonly take: (resolved: Resolved) => void;
}

/** Neighbours are read together up to this. */
const READ_BYTES = 1024 * 1024;
/** So many unwanted bytes between two values are read rather than skipped: less than a seek, and no more than padding mostly is. */
const GAP_BYTES = 16 * 1024;

/** Values that lie close together in one file. */
interface Run {
  readonly file: bigint;
  readonly offset: number;
  readonly wanted: Wanted[];
  end: number;
}

const closeFile = promisify(close);

/** Reads all of them from the files in `dir`. With `keep: false` it takes memory for two reads, however many there are. */
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
    // A descriptor that is closed under a read may be that of another file when the read comes to it.
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
