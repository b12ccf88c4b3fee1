/** The view of a store for reading tools: all entries, sound or not, and all findings. */
import type { Finding, LanestoreError } from '../../../errors.js';
import type { KeyRange, LaneId } from '../../../keys/index.js';
import type { Schema } from '../format/schema.js';
import type { Extent, Tip } from '../format/tip.js';
import type { StoredVotes } from '../format/votes.js';
import type { WitnessSlot } from '../format/witness.js';
import type { ReadRange } from '../read/reader.js';

/**
 * Where the bytes of a value are: in LevelDB, or in a value file, whose path is relative to the
 * location.
 */
export type StoredAt = 'inline' | { readonly file: string; readonly offset: number; readonly length: number };

/** A key and its stored value. */
export interface ViewEntry {
  readonly key: string;
  /**
   * The version-1 record, read from {@link ViewEntry.stored}; if it cannot be read from a value
   * file, the reference to it.
   */
  readonly value: Uint8Array;
  readonly stored: StoredAt;
  /** The fault of the entry; absent if it is sound. */
  readonly finding?: Finding;
}

/** A key, and where its value is. */
export interface ViewPlace {
  readonly key: string;
  /** Bytes of the record; of a damaged reference, its own. */
  readonly bytes: number;
  readonly stored: StoredAt;
}

/** A block or CommitQC: the decoded entry, or its fault. */
export type ViewItem<T> = {
  readonly key: string;
  readonly number: bigint;
  /** True if the number is outside the cursor: truncated and not swept yet, for example. */
  readonly stale: boolean;
} & ({ readonly entry: T } | { readonly finding: Finding });

/** The part of a log to read. */
export interface ViewRange extends ReadRange {
  /** True to read entries outside the cursor too. Default false. */
  readonly stale?: boolean;
}

/** The cursors of a store, each with `swept`: stale keys may remain in [swept, first). */
export interface Extents {
  readonly lanes: ReadonlyMap<LaneId, Extent>;
  readonly commitQCs: Extent;
}

/** The witness, and the result of comparing the tip with it. */
export interface WitnessView {
  /** The whole slots, the newer one first. */
  readonly slots: readonly WitnessSlot[];
  /**
   * `equal`, `behind`: every batch that it names is present. `ahead`: acknowledged data is missing.
   * `other-store`: the database is that of another store. `torn`: it proves nothing. `damaged`:
   * missing or short. `unknown`: there is no tip to compare with.
   */
  readonly verdict: 'equal' | 'behind' | 'ahead' | 'other-store' | 'torn' | 'damaged' | 'unknown';
}

/** A file of a store. */
export interface StoreFile {
  /** Relative to the location, e.g. `level/000005.ldb`. */
  readonly name: string;
  readonly bytes: number;
}

/**
 * A store as it was when the view was opened; a node may go on writing. Damage does not throw:
 * `findings` lists it, and a damaged entry carries its own finding. Reading throws LANESTORE_IO if
 * the system refuses a read, LANESTORE_CORRUPT if LevelDB reports damage, LANESTORE_CLOSED after
 * `close`.
 */
export interface StoreView<Block, CommitQC, Anchor> extends AsyncDisposable {
  /** The real path of the store. */
  readonly location: string;
  /** Absent if it is damaged or cannot be read. */
  readonly schema: Schema | undefined;
  /** Absent if it is damaged or cannot be read; then it is unknown which entries must exist. */
  readonly tip: Tip | undefined;
  readonly witness: WitnessView;
  /** The cursors of the tip; empty without a tip. */
  readonly cursors: Extents;
  /** Absent if there is none, or it is damaged. */
  readonly anchor: Anchor | undefined;
  /** As {@link anchor}. */
  readonly inner: Uint8Array | undefined;
  /**
   * What the store keeps of the votes of its key; absent in format 1, which keeps none. Damaged: as
   * if nothing were kept.
   */
  readonly votes: StoredVotes | undefined;
  /** Number of live records that were read and checked. */
  readonly records: number;
  /** Bytes of their values. */
  readonly bytes: number;
  /** The damage that opening the store would find; bounded, see {@link findingsTotal}. */
  readonly findings: readonly Finding[];
  /** Number of all findings. */
  readonly findingsTotal: number;
  /** Observations that are not damage. */
  readonly notes: readonly string[];
  /**
   * The error with which opening the store would be refused, with all findings; absent if it would
   * open, and for a sound store of an older format: that opens once it is migrated, as `notes`
   * says.
   */
  readonly refusal: LanestoreError | undefined;
  /** The files of the location, ordered by name. */
  readonly files: readonly StoreFile[];
  /** Number of tries until the copy was consistent. */
  readonly tries: number;

  /** Every key in the database, ascending; stale, stray and damaged ones too. */
  entries(range?: Partial<KeyRange>): AsyncIterableIterator<ViewEntry>;
  /**
   * The keys of a range and the places of their values, ascending. Checks nothing, and reads no
   * value file: much faster than {@link entries} where values are separated.
   */
  places(range?: Partial<KeyRange>): AsyncIterableIterator<ViewPlace>;
  /** The entry of a key, or undefined. */
  get(key: string): Promise<ViewEntry | undefined>;
  /**
   * A block, also a stale one; undefined if it does not exist.
   * @throws LANESTORE_CORRUPT if it is damaged.
   */
  block(lane: LaneId, number: bigint): Promise<Block | undefined>;
  /** A CommitQC, as {@link block}. */
  commitQC(index: bigint): Promise<CommitQC | undefined>;
  /** The blocks of a lane, ascending. Missing blocks are in `findings`. */
  blocks(lane: LaneId, range?: ViewRange): AsyncIterableIterator<ViewItem<Block>>;
  /** The CommitQCs, as {@link blocks}. */
  commitQCs(range?: ViewRange): AsyncIterableIterator<ViewItem<CommitQC>>;
  /** Closes the view and removes the copy. Idempotent. */
  close(): Promise<void>;
}
