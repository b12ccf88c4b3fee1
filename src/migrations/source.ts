/**
 * Reads a state directory of any layout: its stored entries, one by one, before any rules are
 * applied.
 */

import type { StoredVotes } from '../adapter/level/index.js';
import type { AnchorPoint } from '../adapter/planner.js';
import { type ABScan, fileOf, scanPairs } from '../adapter/wal/conversion.js';
import { messageOf } from '../base/permission-model.js';
import { type Finding, LanestoreError } from '../errors.js';
import type { LaneId } from '../keys/index.js';
import type { Model } from '../model/model.js';
import type { DataRows } from './data-rows.js';
import { importError, type Layout } from './layout.js';

/** The place of an entry, for messages. */
export interface EntryPlace {
  /** The file, relative to the location. */
  readonly file?: string;
  /** The byte offset in it. */
  readonly offset?: number;
  /** The LevelDB key. */
  readonly key?: string;
}

/** An entry that was read. */
export interface SourceEntry<T> {
  readonly entry: T;
  /** Block number, or road index. */
  readonly number: bigint;
  /**
   * The entry as protobuf, stored so in the source or encoded as the original would. Valid until
   * the next entry is requested.
   */
  readonly wire: Uint8Array;
  readonly place: EntryPlace;
}

/** A log of a source. */
export interface SourceLog {
  /**
   * A lower bound of the log's next number, even if the log is empty. It distinguishes an emptied
   * log from one that lost its entries. A segment's name, which counts appends, gives the bound; a
   * cursor gives the exact number.
   */
  readonly leastNext: bigint;
}

/**
 * An open source. Streams are read one at a time, each from its beginning: a second one is a
 * TypeError until the first has ended, or its loop was left.
 */
export interface Source<B, Q, A> {
  readonly layout: Layout;
  /** Its real path. */
  readonly location: string;
  readonly anchor: { readonly entry: A; readonly point: AnchorPoint } | undefined;
  readonly inner: Uint8Array | undefined;
  /** What it keeps of the votes of its key; absent where the layout, or the format, keeps none. */
  readonly votes?: StoredVotes | undefined;
  readonly commitQCLog: SourceLog;
  /** The rows of the data layer, where the layout has them. A store does not keep them. */
  readonly data?: DataRows | undefined;
  /** Lanes that the anchor's epoch has closed: a node drops them at its start. */
  readonly closedLanes?: ReadonlySet<LaneId> | undefined;
  /** All known lanes, ascending, including empty ones. */
  readonly lanes: ReadonlyMap<LaneId, SourceLog>;
  /**
   * Ascending.
   * @throws LANESTORE_CORRUPT at an entry that cannot be decoded; LANESTORE_IO; LANESTORE_CLOSED
   * once the source is closed; TypeError while another stream is read.
   */
  commitQCs(): AsyncIterable<SourceEntry<Q>>;
  /** Ascending. @throws as {@link commitQCs}. */
  blocks(lane: LaneId): AsyncIterable<SourceEntry<B>>;
  /**
   * Names that were skipped, entries that were left out, and values that were read from the other
   * copy; grows while streams are read.
   */
  readonly notes: readonly string[];
  /** Idempotent. */
  close(): Promise<void>;
}

/** The open state of a source: one stream at a time, none after it is closed. */
export class SourceState {
  #isClosed = false;
  #isRead = false;

  close(): void {
    this.#isClosed = true;
  }

  /**
   * Yields the same entries while the source is open.
   * @throws LANESTORE_CLOSED afterwards, also for a read that was under way; TypeError while
   * another stream has begun and neither ended nor was returned: both would share one buffer.
   */
  async *guard<T>(entries: AsyncIterable<T>): AsyncGenerator<T, void, void> {
    this.#assertOpen();
    if (this.#isRead) throw new TypeError('streams of a source are read one at a time: end the other one first');
    this.#isRead = true;
    try {
      for await (const entry of entries) {
        this.#assertOpen();
        yield entry;
        this.#assertOpen();
      }
    } catch (error) {
      // A closed source explains every other error of a read.
      this.#assertOpen();
      throw error;
    } finally {
      this.#isRead = false;
    }
    this.#assertOpen();
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new LanestoreError('LANESTORE_CLOSED', 'the source is closed');
  }
}

/** The content of the A/B files in a layout of the original. */
export interface Pairs<A> {
  readonly anchor: { readonly entry: A; readonly point: AnchorPoint } | undefined;
  readonly inner: Uint8Array | undefined;
  readonly notes: readonly string[];
}

/**
 * Reads both A/B pairs.
 * @throws LANESTORE_IMPORT if one is unusable or cannot be decoded; LANESTORE_IO.
 */
export async function readPairs<A>(location: string, model: Model<unknown, unknown, A>): Promise<Pairs<A>> {
  const { anchor, inner, innerPair, notes, findings } = await scanPairs(location, model);
  refuse(location, findings);
  return { anchor, inner, notes: [...notes, ...notesOn(innerPair, inner, model)] };
}

/**
 * With a valid checksum, inner is not damaged. If the model does not accept it, another program
 * wrote it, perhaps a node of a later version.
 */
export function notesOn(
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
    return [`${fileOf(prefix, newest.slot)}: its checksum holds, but it is ${why}; it is copied unchanged`];
  }
}

/** Refuses a source that has findings. @throws LANESTORE_IMPORT. */
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
