/** A state directory of any layout, to be read: what stands there, entry by entry, before anybody's rules are applied. */

import type { StoredVotes } from '../adapter/level/index.js';
import type { AnchorPoint } from '../adapter/planner.js';
import { type ABScan, fileOf, scanPairs } from '../adapter/wal/conversion.js';
import { messageOf } from '../base/permission-model.js';
import { type Finding, LanestoreError } from '../errors.js';
import type { LaneId } from '../keys/index.js';
import type { Model } from '../model/model.js';
import { importError, type Layout } from './layout.js';

/** Where an entry stands: for messages. */
export interface EntryPlace {
  /** The file, relative to the location. */
  readonly file?: string;
  /** The byte offset in it. */
  readonly offset?: number;
  /** The LevelDB key. */
  readonly key?: string;
}

/** An entry as it was read. */
export interface SourceEntry<T> {
  readonly entry: T;
  /** Block number, or road index. */
  readonly number: bigint;
  /** Its protobuf, as it stands in the source, or would stand in the original; good until the next entry is asked for. */
  readonly wire: Uint8Array;
  readonly place: EntryPlace;
}

/** A log of a source. */
export interface SourceLog {
  /**
   * The lowest number that the log can expect next, whatever it holds: a segment's name counts appends, a cursor is exact. It tells
   * an emptied log from one that lost its entries.
   */
  readonly leastNext: bigint;
}

/** An opened source. Streams are read one at a time, each from its beginning. */
export interface Source<B, Q, A> {
  readonly layout: Layout;
  /** Its real path. */
  readonly location: string;
  readonly anchor: { readonly entry: A; readonly point: AnchorPoint } | undefined;
  readonly inner: Uint8Array | undefined;
  /** What it keeps of the votes of its key; absent where the layout, or the format, keeps none. */
  readonly votes?: StoredVotes | undefined;
  readonly commitQCLog: SourceLog;
  /** All lanes that it knows of, ascending, also those that hold nothing. */
  readonly lanes: ReadonlyMap<LaneId, SourceLog>;
  /** Ascending. @throws LANESTORE_CORRUPT at the entry that does not read; LANESTORE_IO; LANESTORE_CLOSED once the source is closed. */
  commitQCs(): AsyncIterable<SourceEntry<Q>>;
  /** Ascending. @throws as {@link commitQCs}. */
  blocks(lane: LaneId): AsyncIterable<SourceEntry<B>>;
  /** What was skipped, left out, or read from the other copy; grows while streams are read. */
  readonly notes: readonly string[];
  /** Idempotent. */
  close(): Promise<void>;
}

/** Whether a source is open; its streams end with it. */
export class SourceState {
  #isClosed = false;

  close(): void {
    this.#isClosed = true;
  }

  /** The same entries, as long as the source is open. @throws LANESTORE_CLOSED afterwards. */
  async *guard<T>(entries: AsyncIterable<T>): AsyncGenerator<T, void, void> {
    this.#assertOpen();
    for await (const entry of entries) {
      this.#assertOpen();
      yield entry;
      this.#assertOpen();
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new LanestoreError('LANESTORE_CLOSED', 'the source is closed');
  }
}

/** What the A/B files of an original layout hold. */
export interface Pairs<A> {
  readonly anchor: { readonly entry: A; readonly point: AnchorPoint } | undefined;
  readonly inner: Uint8Array | undefined;
  readonly notes: readonly string[];
}

/** Reads both A/B pairs. @throws LANESTORE_IMPORT if one is unusable or its content is none; LANESTORE_IO. */
export async function readPairs<A>(location: string, model: Model<unknown, unknown, A>): Promise<Pairs<A>> {
  const { anchor, inner, innerPair, notes, findings } = await scanPairs(location, model);
  refuse(location, findings);
  return { anchor, inner, notes: [...notes, ...notesOn(innerPair, inner, model)] };
}

/** With a checksum inner is what its node wrote. If the protocol does not know it, that is another node's, maybe of a later version. */
function notesOn(
  { newest, prefix }: ABScan,
  inner: Uint8Array | undefined,
  model: Model<unknown, unknown, unknown>,
): string[] {
  if (newest === undefined || inner === undefined) return [];
  try {
    model.inner?.check(inner);
    return [];
  } catch (error) {
    const why = `no inner state of ${model.name} (${messageOf(error)})`;
    return [`${fileOf(prefix, newest.slot)}: its checksum holds, but it is ${why}; it is taken as it is`];
  }
}

/** Refuses a source for its findings, if there are any. @throws LANESTORE_IMPORT. */
export function refuse(location: string, findings: readonly Finding[]): undefined {
  const [first] = findings;
  if (first === undefined) return undefined;
  const more = findings.length > 1 ? ` (and ${findings.length - 1} more findings)` : '';
  throw importError(`${location}: ${placeOf(first)}${first.detail}${more}`, { findings });
}

function placeOf({ file, offset, key }: Finding): string {
  if (key !== undefined) return `${key}: `;
  if (file === undefined) return '';
  return offset === undefined ? `${file}: ` : `${file}, byte ${offset}: `;
}
