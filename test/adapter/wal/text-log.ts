/** Logs of texts, for tests of the log alone. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { IndexedWal, type IndexedWalOptions, type LogCodec } from '../../../src/adapter/wal/index.js';
import { WatchedFiles } from './watched-files.js';

/** Any bytes are an entry, as with the codec in the original's own tests. */
export const textCodec: LogCodec<string> = {
  encode: (text) => Buffer.from(text),
  decode: (bytes) => Buffer.from(bytes).toString(),
};

/** Entries `#<number>:<letters>;`: they carry a number, and a part of an entry is not an entry. */
export const numberedCodec: LogCodec<string> = {
  ...textCodec,
  decode(bytes) {
    const text = textCodec.decode(bytes);
    if (!/^#[0-9]+:[a-z]*;$/.test(text)) throw new Error('no numbered text');
    return text;
  },
  number: (text) => BigInt(text.slice(1, text.indexOf(':'))),
};

export type TextLogOptions = Omit<Partial<IndexedWalOptions>, 'tornDirectory'> & { readonly codec?: LogCodec<string> };

/** The log in `dir/log`; without `files`, a log without syncs. */
export function openLog(dir: string, options: TextLogOptions = {}): Promise<IndexedWal<string>> {
  const { codec = textCodec, ...rest } = options;
  const files = new WatchedFiles();
  return IndexedWal.open(join(dir, 'log'), codec, { tornDirectory: join(dir, 'torn'), files, ...rest });
}

/** Opens the log, uses it and closes it. */
export async function withLog<T>(
  dir: string,
  use: (log: IndexedWal<string>) => Promise<T>,
  options?: TextLogOptions,
): Promise<T> {
  const log = await openLog(dir, options);
  try {
    return await use(log);
  } finally {
    await log.close();
  }
}

/** Appends all, in order. */
export async function appendAll(log: IndexedWal<string>, texts: readonly string[]): Promise<void> {
  for (const text of texts) await log.append(text);
}

/** The log's own indexes and content. */
export async function stateOf(log: IndexedWal<string>) {
  return { first: log.firstIndex, next: log.nextIndex, count: log.count, entries: await log.readAll() };
}

/** The expected indexes and content of a log. */
export function state(first: number, entries: readonly string[]) {
  return { first: BigInt(first), next: BigInt(first + entries.length), count: entries.length, entries };
}

/** The names in the log's directory. */
export function namesIn(dir: string): string[] {
  return readdirSync(join(dir, 'log')).sort();
}
