/**
 * Reads a LevelDB in a separate process, which a damaged table may abort (docs/leveldb-hazards.md,
 * Bit rot in a table):
 *
 *   reader-child.js probe   LEVEL        reads every entry, keeps none
 *   reader-child.js forward LEVEL INTO   copies in ascending order, up to the first damage
 *   reader-child.js reverse LEVEL INTO   copies in descending order, down to the last key of INTO
 *
 * It prints lines of {@link ReaderLine}: `begun` before LevelDB opens the database, then `opened`,
 * then the result. If the result is missing, the process was terminated. If `begun` is missing too,
 * LevelDB was not the cause.
 */
import { writeSync } from 'node:fs';
import { ClassicLevel } from 'classic-level';
import { LINE_MARK, type ReaderError, type ReaderLine } from './salvage.js';

type Raw = ClassicLevel<Buffer, Buffer>;

const ENTRIES_AT_ONCE = 200;

const [mode, level = '', into = ''] = process.argv.slice(2);
const encodings = { keyEncoding: 'buffer', valueEncoding: 'buffer', compression: false } as const;

function say(line: ReaderLine): void {
  writeSync(1, `${LINE_MARK}${JSON.stringify(line)}\n`);
}

function errorOf(error: unknown, isWriting: boolean): ReaderError {
  const { cause, code, message } = error as {
    cause?: { code?: string; message?: string };
    code?: string;
    message?: string;
  };
  return { code: cause?.code ?? code, message: cause?.message ?? message ?? String(error), isWriting };
}

/** The last key that `forward` copied; `reverse` stops before it. */
async function lastKey(target: Raw): Promise<Buffer | undefined> {
  const [key] = await target.keys({ reverse: true, limit: 1 }).all();
  return key;
}

async function read(source: Raw, target: Raw | undefined): Promise<ReaderLine> {
  const end = mode === 'reverse' && target !== undefined ? await lastKey(target) : undefined;
  const iterator = source.iterator({ reverse: mode === 'reverse', fillCache: false });
  let entries = 0;
  let isWriting = false;
  try {
    for (let isEnd = false; !isEnd; ) {
      const all = await iterator.nextv(ENTRIES_AT_ONCE);
      const portion = end === undefined ? all : all.filter(([key]) => Buffer.compare(key, end) > 0);
      isEnd = all.length === 0 || portion.length < all.length;
      entries += portion.length;
      isWriting = true;
      await target?.batch(portion.map(([key, value]) => ({ type: 'put' as const, key, value })));
      isWriting = false;
    }
    return { entries };
  } catch (error) {
    return { entries, error: errorOf(error, isWriting) };
  } finally {
    await iterator.close();
  }
}

/** Opens the target of the copy. */
async function openTarget(): Promise<Raw | undefined> {
  if (mode === 'probe') return undefined;
  const target: Raw = new ClassicLevel(into, encodings);
  await target.open();
  return target;
}

async function main(): Promise<ReaderLine> {
  let target: Raw | undefined;
  try {
    target = await openTarget();
  } catch (error) {
    return { entries: 0, error: errorOf(error, true) };
  }
  const source: Raw = new ClassicLevel(level, { ...encodings, createIfMissing: false });
  say({ begun: true });
  try {
    await source.open();
  } catch (error) {
    return { entries: 0, error: errorOf(error, false) };
  }
  say({ opened: true });
  const result = await read(source, target);
  await target?.close();
  await source.close();
  return result;
}

// Not a top-level await: bundles of CommonJS do not support it.
void main().then(say);
