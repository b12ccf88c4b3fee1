/**
 * The entries of a state directory of the original, for `ls`, `get` and `serve`. They have the keys
 * that a store would use. The rows of the data layer of 73f917bbd have their own keys.
 *
 *   anchor, inner, qc/<road index>, lane/<lane>/<number>
 *   data/qc/<global number>, data/block/..., data/app/..., data/appqc/...
 */
import { isLanestoreError } from '../errors.js';
import { padU64 } from '../keys/index.js';
import { type DataRows, openState, type Source, type SourceEntry } from '../migrations/index.js';
import {
  type AppProposal,
  type AppQC,
  type Block,
  type FullCommitQC,
  headerHash,
  messageHash,
  payloadHash,
} from '../model/autobahn/73f917bbd/index.js';
import { AbsentError, UsageError } from './command-error.js';
import { ROW_KINDS } from './data-layer.js';
import type { DecodedEntry } from './entries.js';
import type { Protocol } from './protocol.js';
import { NEWER } from './protocol-73f917bbd.js';
import { fullKey, fullPrefix } from './short-keys.js';

type StoredRow = DataRows['stored']['block'][number];

const DATA_KEY = /^data\/(qc|block|app|appqc)\/(\d{1,20})$/;

/** The entries of an open state. */
export interface StateEntries {
  readonly notes: readonly string[];
  /** The entries whose keys begin with the prefix. The prefix may be shortened. */
  list(prefix: string): AsyncIterable<DecodedEntry>;
  close(): Promise<void>;
}

/** Opens a state directory of 73f917bbd. @throws LANESTORE_IMPORT with findings; LANESTORE_IO. */
export async function openStateEntries(location: string): Promise<StateEntries> {
  const state = await openState(location, NEWER.model);
  return {
    notes: state.notes,
    list: (prefix) => entriesOf(state, prefix, NEWER),
    close: () => state.close(),
  };
}

/**
 * The entry of a key, which may be shortened.
 * @throws UsageError for an invalid key; AbsentError if there is no such entry.
 */
export async function entryAt(location: string, typed: string): Promise<DecodedEntry> {
  const state = await openState(location, NEWER.model);
  try {
    return await entryOf(state, typed, NEWER);
  } finally {
    await state.close();
  }
}

/** The entry of a key, which may be shortened, in an open state. @throws as {@link entryAt}. */
export async function entryOf<B, Q, A>(
  state: Source<B, Q, A>,
  typed: string,
  protocol: Protocol<B, Q, A>,
): Promise<DecodedEntry> {
  const key = typed.startsWith('data/') ? dataKey(typed) : fullKey(typed, state.lanes.keys());
  for await (const entry of entriesOf(state, key, protocol)) if (entry.key === key) return entry;
  throw new AbsentError(`there is no ${key} in ${state.location}`);
}

function dataKey(typed: string): string {
  const [, kind, number] = DATA_KEY.exec(typed) ?? [];
  if (kind === undefined || number === undefined) {
    throw new UsageError(
      `"${typed}" is not a key; rows are data/qc, data/block, data/app and data/appqc, with a number`,
    );
  }
  return `data/${kind}/${padU64(BigInt(number))}`;
}

async function* entriesOf<B, Q, A>(
  state: Source<B, Q, A>,
  typed: string,
  protocol: Protocol<B, Q, A>,
): AsyncGenerator<DecodedEntry, void, void> {
  const isData = DATA_KEY.test(typed);
  const prefix = isData ? dataKey(typed) : fullPrefix(typed, state.lanes.keys());
  const matches = (key: string) => key.startsWith(prefix);
  /** True if a key that begins with `start` can match. */
  const mayMatch = (start: string) => start.startsWith(prefix) || prefix.startsWith(start);
  const { anchor, inner, data } = state;
  if (anchor !== undefined && matches('anchor')) yield anchorEntry(anchor.entry, protocol);
  if (data !== undefined && mayMatch('data/')) {
    for (const [name, kind] of Object.entries(ROW_KINDS)) {
      for (const row of data.stored[kind]) {
        const key = `data/${name}/${padU64(row.first)}`;
        if (matches(key)) yield await rowEntry(data, row, key);
      }
    }
  }
  if (inner !== undefined && matches('inner')) {
    yield { key: 'inner', kind: 'inner', bytes: inner.length, stored: 'inline', value: inner, wire: inner };
  }
  for (const lane of state.lanes.keys()) {
    if (!mayMatch(`lane/${lane}/`)) continue;
    for await (const read of state.blocks(lane)) {
      const key = `lane/${lane}/${padU64(read.number)}`;
      const hashes = () => protocol.hashes.block(read.entry);
      if (matches(key)) yield { ...logEntry(key, 'block', read, hashes), lane };
    }
  }
  if (!mayMatch('qc/')) return;
  for await (const read of state.commitQCs()) {
    const key = `qc/${padU64(read.number)}`;
    if (matches(key)) yield logEntry(key, 'commitQC', read, () => protocol.hashes.commitQC(read.entry));
  }
}

function anchorEntry<B, Q, A>(anchor: A, protocol: Protocol<B, Q, A>): DecodedEntry {
  const wire = protocol.model.anchor.toWire(anchor);
  const hashes = protocol.hashes.anchor(anchor);
  return { key: 'anchor', kind: 'anchor', bytes: wire.length, stored: 'inline', hashes, value: anchor, wire };
}

function logEntry<T>(
  key: string,
  kind: string,
  { entry, number, wire, place }: SourceEntry<T>,
  hashes: () => Readonly<Record<string, Uint8Array>>,
): DecodedEntry {
  const stored = { file: place.file ?? '', offset: place.offset ?? 0, length: wire.length };
  return { key, kind, number, bytes: wire.length, stored, hashes: hashes(), value: entry, wire };
}

async function rowEntry(data: DataRows, row: StoredRow, key: string): Promise<DecodedEntry> {
  const { kind, first, file, offset, bytes } = row;
  const place = { key, kind, number: first, bytes, stored: { file, offset, length: bytes } };
  try {
    const { entry, wire } = await data.read(row);
    return { ...place, hashes: rowHashes(kind, entry), value: entry, wire };
  } catch (error) {
    const [finding] = isLanestoreError(error, 'LANESTORE_CORRUPT') ? (error.findings ?? []) : [];
    if (finding === undefined) throw error;
    return { ...place, finding };
  }
}

function rowHashes(kind: StoredRow['kind'], entry: unknown): Readonly<Record<string, Uint8Array>> {
  switch (kind) {
    case 'fullCommitQC':
      return NEWER.hashes.commitQC((entry as FullCommitQC).qc);
    case 'block': {
      const { header, payload } = entry as Block;
      return { header: headerHash(header), payload: payloadHash(payload) };
    }
    case 'appProposal':
      return { vote: messageHash({ kind: 'appVote', value: entry as AppProposal }) };
    case 'appQC':
      return { vote: messageHash({ kind: 'appVote', value: (entry as AppQC).vote }) };
  }
}
