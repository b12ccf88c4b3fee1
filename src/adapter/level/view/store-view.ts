/** What a reading tool sees of a store: all that is there, sound or not, and all that is wrong with it. */
import type { Finding, LanestoreError } from '../../../errors.js';
import type { KeyRange, LaneId } from '../../../keys/index.js';
import type { Schema } from '../format/schema.js';
import type { Extent, Tip } from '../format/tip.js';
import type { StoredVotes } from '../format/votes.js';
import type { WitnessSlot } from '../format/witness.js';
import type { ReadRange } from '../read/reader.js';

/** Where the bytes of a value stand: in LevelDB, or in a file of separated values, relative to the location. */
export type StoredAt = 'inline' | { readonly file: string; readonly offset: number; readonly length: number };

/** A key with its value, as it is stored. */
export interface ViewEntry {
  readonly key: string;
  /** The version-1 record, wherever it stands: {@link ViewEntry.stored}; if it cannot be read from there, the reference to it. */
  readonly value: Uint8Array;
  readonly stored: StoredAt;
  /** What is wrong with it, if something is. */
  readonly finding?: Finding;
}

/** A block or CommitQC: decoded, or what is wrong with it. */
export type ViewItem<T> = {
  readonly key: string;
  readonly number: bigint;
  /** Below its cursor's first: truncated, and not swept yet. */
  readonly stale: boolean;
} & ({ readonly entry: T } | { readonly finding: Finding });

/** What to read of a log. */
export interface ViewRange extends ReadRange {
  /** Entries that the cursor excludes, too. Default false. */
  readonly stale?: boolean;
}

/** The cursors of a store, each with `swept`: keys in [swept, first) may be left, stale. */
export interface Extents {
  readonly lanes: ReadonlyMap<LaneId, Extent>;
  readonly commitQCs: Extent;
}

/** The witness, and what it says about the tip. */
export interface WitnessView {
  /** Its whole slots, the newer one first. */
  readonly slots: readonly WitnessSlot[];
  /**
   * `equal`, `behind`: all that it names is there; `ahead`: acknowledged data is gone; `other-store`: the database is another one; `torn`: it
   * proves nothing; `damaged`: missing or short; `unknown`: there is no tip to compare it with.
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
 * A store as it was when it was opened; a node may write on meanwhile. What is damaged does not throw: it is in `findings`, and with the
 * entry that it concerns. Reading throws LANESTORE_IO when the system refuses, LANESTORE_CORRUPT when LevelDB cannot go on,
 * LANESTORE_CLOSED after `close`.
 */
export interface StoreView<Block, CommitQC, Anchor> extends AsyncDisposable {
  /** The real path of the store. */
  readonly location: string;
  /** Absent if it is damaged or cannot be read. */
  readonly schema: Schema | undefined;
  /** Absent if it is damaged or cannot be read: then what must be there is unknown. */
  readonly tip: Tip | undefined;
  readonly witness: WitnessView;
  /** Those of the tip; empty without one. */
  readonly cursors: Extents;
  /** Absent if there is none, or it is damaged. */
  readonly anchor: Anchor | undefined;
  /** As {@link anchor}. */
  readonly inner: Uint8Array | undefined;
  /** What the store keeps of the votes of its key; absent in format 1, which keeps none. Damaged: as if nothing were kept. */
  readonly votes: StoredVotes | undefined;
  /** Live records that were read and checked. */
  readonly records: number;
  /** Bytes of their values. */
  readonly bytes: number;
  /** All that is wrong, as opening the store would find it; bounded, see {@link findingsTotal}. */
  readonly findings: readonly Finding[];
  /** How many findings there are. */
  readonly findingsTotal: number;
  /** What was noticed and is no damage. */
  readonly notes: readonly string[];
  /**
   * The error with which opening the store would be refused, with all findings; absent if it would open, and for a sound store of an
   * older format: that opens once it is migrated, as `notes` says.
   */
  readonly refusal: LanestoreError | undefined;
  /** The files of the location, in order of their names. */
  readonly files: readonly StoreFile[];
  /** How often the copy was begun before it was consistent. */
  readonly tries: number;

  /** Every key that is there, ascending, stale, stray and damaged ones included. */
  entries(range?: Partial<KeyRange>): AsyncIterableIterator<ViewEntry>;
  /** What stands under a key, or undefined. */
  get(key: string): Promise<ViewEntry | undefined>;
  /** A block, stale ones too; undefined if it is not there. @throws LANESTORE_CORRUPT if it is damaged. */
  block(lane: LaneId, number: bigint): Promise<Block | undefined>;
  /** A CommitQC, as {@link block}. */
  commitQC(index: bigint): Promise<CommitQC | undefined>;
  /** The blocks of a lane, ascending. What is missing is in `findings`. */
  blocks(lane: LaneId, range?: ViewRange): AsyncIterableIterator<ViewItem<Block>>;
  /** The CommitQCs, as {@link blocks}. */
  commitQCs(range?: ViewRange): AsyncIterableIterator<ViewItem<CommitQC>>;
  /** Frees and removes the copy. Idempotent. */
  close(): Promise<void>;
}
