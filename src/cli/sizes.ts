/** The sizes of a store's keys and value files, from a scan of all keys. */
import { openView, rawModel } from '../adapter/level/index.js';
import type { Extent, Finding } from '../index.js';
import { parseKey } from '../keys/index.js';

/** The entries of one log, and the number of keys outside its range. */
export interface LogSize {
  readonly first: bigint;
  readonly next: bigint;
  /** Entries in [first, next); fewer than `next - first` if some are missing. */
  entries: number;
  /** Bytes of their records. */
  bytes: number;
  /** Keys below `first` that the sweeper has not deleted yet. */
  unswept: number;
}

/** The keys of one kind. */
export interface KindSize {
  readonly keys: number;
  /** Bytes of their records, including separated ones. */
  readonly bytes: number;
}

/** The size of a value file. */
export interface ValueFileSize {
  readonly name: string;
  readonly bytes: number;
  /** Bytes of its records that are in the range of their log. */
  readonly liveBytes: number;
  /** False if no key refers to the file: it is prepared for new values, or free. */
  readonly isUsed: boolean;
}

/** The result of a scan of a store's keys. */
export interface Sizes {
  /** The real path of the store. */
  readonly location: string;
  /** The newest batch; null if the tip is damaged. */
  readonly seq: bigint | null;
  /** By kind of key; `unknown` counts keys of no known kind. */
  readonly kinds: ReadonlyMap<string, KindSize>;
  readonly commitQCs: LogSize;
  readonly lanes: ReadonlyMap<string, LogSize>;
  readonly valueFiles: readonly ValueFileSize[];
  readonly notes: readonly string[];
  /** Damage of files, schema, tip and witness. Other records are not checked. */
  readonly findings: readonly Finding[];
  readonly findingsTotal: number;
}

/**
 * Reads all keys of a store of any model, but no value files. A node may run on the store.
 * `options` are those of `openView`.
 * @throws as `openView`.
 */
export async function sizesOf(path: string, options: { readonly tableCheckBytesMax?: number } = {}): Promise<Sizes> {
  await using view = await openView(path, { ...options, model: rawModel, examine: false, values: false });
  const kinds = new Map<string, KindSize>();
  const commitQCs = emptyLog(view.cursors.commitQCs);
  const lanes = new Map([...view.cursors.lanes].map(([lane, extent]) => [lane, emptyLog(extent)]));
  const live = new Map<string, number>();
  for await (const { key, bytes, stored } of view.places()) {
    const parsed = parseKey(key);
    const kind = parsed?.kind ?? 'unknown';
    const { keys = 0, bytes: before = 0 } = kinds.get(kind) ?? {};
    kinds.set(kind, { keys: keys + 1, bytes: before + bytes });
    const isLive = addTo(logOf(parsed), bytes);
    if (stored !== 'inline') live.set(stored.file, (live.get(stored.file) ?? 0) + (isLive ? stored.length : 0));
  }
  const valueFiles = view.files
    .filter(({ name }) => name.endsWith('.values'))
    .map(({ name, bytes }) => ({ name, bytes, liveBytes: live.get(name) ?? 0, isUsed: live.has(name) }));
  const { location, notes, findings, findingsTotal } = view;
  const seq = view.tip?.seq ?? null;
  return {
    ...{ location, seq, kinds, commitQCs, lanes, valueFiles },
    ...{ notes, findings, findingsTotal },
  };

  function logOf(parsed: ReturnType<typeof parseKey>): readonly [log: LogSize | undefined, number: bigint] {
    if (parsed?.kind === 'block') return [lanes.get(parsed.lane), parsed.number];
    return parsed?.kind === 'commitQC' ? [commitQCs, parsed.index] : [undefined, 0n];
  }
}

function emptyLog({ first, next }: Extent): LogSize {
  return { first, next, entries: 0, bytes: 0, unswept: 0 };
}

/** Counts an entry of a log; true if it is in the log's range. */
function addTo([log, number]: readonly [LogSize | undefined, bigint], bytes: number): boolean {
  if (log === undefined || number >= log.next) return false;
  if (number < log.first) {
    log.unswept++;
    return false;
  }
  log.entries++;
  log.bytes += bytes;
  return true;
}
