/**
 * Reads a LevelDB in a process of its own, which a damaged table may abort (leveldb-hazards.md section 5):
 *
 *   node reader-child.js probe   LEVEL        reads every entry, keeps none
 *   node reader-child.js forward LEVEL INTO   copies entries from the first one on, up to where they cannot be read
 *   node reader-child.js reverse LEVEL INTO   the same from the last one back, down to what INTO holds already
 *
 * It writes one line of JSON: `{"opened": true, "entries": 12}`, with `"error"` if something could not be read. No line: it was aborted.
 */
import { writeSync } from 'node:fs';
import { ClassicLevel } from 'classic-level';

type Raw = ClassicLevel<Buffer, Buffer>;

const ENTRIES_AT_ONCE = 200;

const [mode, level = '', into = ''] = process.argv.slice(2);
const encodings = { keyEncoding: 'buffer', valueEncoding: 'buffer', compression: false } as const;

function say(result: { opened: boolean; entries: number; error?: string }): void {
  writeSync(1, `${JSON.stringify(result)}\n`);
}

function reason(error: unknown): string {
  const { cause, message } = error as { cause?: { message?: string }; message?: string };
  return cause?.message ?? message ?? String(error);
}

/** What `reverse` must not pass: the last key that `forward` copied. */
async function lastKey(target: Raw): Promise<Buffer | undefined> {
  const [key] = await target.keys({ reverse: true, limit: 1 }).all();
  return key;
}

async function read(source: Raw, target: Raw | undefined): Promise<void> {
  let [entries, error]: [number, string | undefined] = [0, undefined];
  const end = mode === 'reverse' && target !== undefined ? await lastKey(target) : undefined;
  const iterator = source.iterator({ reverse: mode === 'reverse', fillCache: false });
  try {
    for (let isEnd = false; !isEnd; ) {
      const all = await iterator.nextv(ENTRIES_AT_ONCE);
      const portion = end === undefined ? all : all.filter(([key]) => Buffer.compare(key, end) > 0);
      isEnd = all.length === 0 || portion.length < all.length;
      entries += portion.length;
      await target?.batch(portion.map(([key, value]) => ({ type: 'put' as const, key, value })));
    }
  } catch (cause) {
    error = reason(cause);
  } finally {
    await iterator.close();
  }
  say({ opened: true, entries, ...(error === undefined ? {} : { error }) });
}

async function main(): Promise<void> {
  const source: Raw = new ClassicLevel(level, { ...encodings, createIfMissing: false });
  try {
    await source.open();
  } catch (error) {
    say({ opened: false, entries: 0, error: reason(error) });
    process.exit(0);
  }
  const target: Raw | undefined = mode === 'probe' ? undefined : new ClassicLevel(into, encodings);
  await read(source, target);
  await target?.close();
  await source.close();
}

// Not at the top level: bundles of CommonJS cannot have that.
void main();
