/**
 * The port: what a node asks of its persistence, whichever backend is behind it (docs/design.md, The port).
 *
 * Durability: a promise of this port resolves, and a hook fires, only after what it stands for survives power loss.
 * Concurrency: every method may be called at any time without waiting for earlier calls. Calls are planned in the order
 * in which they are made, each against the state that the earlier ones lead to, and settle in that order (in the segment-file WAL: in
 * that order within each log; a call that touches several logs waits for all of them).
 * Refusals: a call that is refused (LANESTORE_OUT_OF_SEQUENCE, _WRONG_LANE, _INVALID, _CAPACITY) stores nothing of itself
 * and changes nothing for the others. After LANESTORE_FAILED nothing is accepted until the store is opened again.
 */
import type { LaneId } from '../keys/index.js';

/** A half-open range [first, next) that a lane or the QC log holds. Empty when both are equal; never goes back. */
export interface Cursor {
  /** The oldest number held, or, when empty, the one that comes next. */
  readonly first: bigint;
  /** The number that the next entry must have. */
  readonly next: bigint;
}

/** The cursors of a store. A lane that never held anything has none. */
export interface Cursors {
  readonly lanes: ReadonlyMap<LaneId, Cursor>;
  readonly commitQCs: Cursor;
}

/** What one `persist` call carries. Any part may be absent; the parts take effect in the order given here. */
export interface Round<Block, CommitQC, Anchor> {
  /** Truncates lanes and QC log to its CommitQC, and is stored. One older than the stored anchor changes nothing. */
  readonly anchor?: Anchor | undefined;
  /** The node's own consensus state: any bytes (but see `Model.inner`); the last write wins. Copied at the call. */
  readonly inner?: Uint8Array | undefined;
  /** In order of their road index; those that are stored already are ignored. */
  readonly commitQCs?: readonly CommitQC[] | undefined;
  /** Each lane's blocks in order of their number; lanes may be mixed. */
  readonly blocks?: Iterable<Block> | undefined;
}

/**
 * Called once for each entry of the round, in order, after it is durable: the anchor, then the CommitQCs (ignored ones
 * too), then the blocks; with the caller's own objects. The CommitQC that an anchor brings along has no hook of its own.
 *
 * Hooks should not throw. If one does, everything stays durable, the remaining hooks fire, and the call rejects with what the first
 * one threw; the store is not harmed.
 */
export interface DurableHooks<Block, CommitQC, Anchor> {
  readonly anchor?: ((anchor: Anchor) => void) | undefined;
  readonly commitQC?: ((qc: CommitQC) => void) | undefined;
  readonly block?: ((block: Block) => void) | undefined;
}

/** What `open` found: durable, verified, and nothing below the anchor. */
export interface Recovered<Block, CommitQC, Anchor> {
  readonly anchor?: Anchor;
  readonly inner?: Uint8Array;
  /** Ascending, without gaps. With an anchor, the first one is the anchor's, or the later one that the QC log was truncated to. */
  readonly commitQCs: readonly CommitQC[];
  /** Lanes that hold blocks, each ascending and without gaps. A lane that holds none is in the cursors only. */
  readonly blocks: ReadonlyMap<LaneId, readonly Block[]>;
}

/** The block side of the port, for a node that drives each lane on its own. */
export interface BlockPersister<Block, CommitQC> {
  /**
   * Truncates one lane to where `anchorQC` has it begin, then appends `blocks`, atomically with each other where the
   * backend has atomic rounds. `afterEach` fires for every block, in order, after it is durable.
   * @throws LANESTORE_WRONG_LANE for a block of another lane; else as {@link Persistence.persist}.
   */
  maybePruneAndPersistLane(
    lane: LaneId,
    anchorQC: CommitQC | undefined,
    blocks: Iterable<Block>,
    afterEach?: (block: Block) => void,
  ): Promise<void>;
}

/** The QC side of the port. */
export interface CommitQCPersister<CommitQC> {
  /** The road index that the next CommitQC must have: the durable one. */
  readonly next: bigint;
  /**
   * Truncates the QC log to `anchorQC`, appends it if it is the next one, then appends `commitQCs`; stored ones are ignored.
   * `afterEach` fires for each of `commitQCs`, ignored ones included, after it is durable.
   */
  maybePruneAndPersist(
    anchorQC: CommitQC | undefined,
    commitQCs: readonly CommitQC[],
    afterEach?: (qc: CommitQC) => void,
  ): Promise<void>;
}

/** The anchor side of the port. */
export interface AnchorPersister<Anchor> {
  /** The same as `persist({ anchor })`. */
  persist(anchor: Anchor): Promise<void>;
}

/** A node's persistence. */
export interface Persistence<Block, CommitQC, Anchor> extends AsyncDisposable {
  /** What `open` found, handed over once: a second call, and any call under `load: false`, gives an empty one. */
  takeRecovered(): Recovered<Block, CommitQC, Anchor>;

  /** The durable cursors, as they are at this moment; the object does not change afterwards. */
  readonly cursors: Cursors;

  /**
   * Stores a round. The entries are read and encoded before this returns, so the caller may reuse them at once. The round's iterables are
   * run first, and hooks after each step: both may call the store. Functions of the model may not, but for `close()`.
   * Resolves when the round, and every round accepted before it, is durable and the hooks have fired.
   * @throws LANESTORE_OUT_OF_SEQUENCE, LANESTORE_INVALID, LANESTORE_CAPACITY (refused as a whole, nothing stored);
   * LANESTORE_FAILED, LANESTORE_CLOSED; TypeError for arguments of the wrong type, and for parts and hooks that do not exist.
   */
  persist(round: Round<Block, CommitQC, Anchor>, hooks?: DurableHooks<Block, CommitQC, Anchor>): Promise<void>;

  /**
   * Resolves when the queue has room again after LANESTORE_CAPACITY; at once if it has. It waits
   * for the largest round that was refused, but not for ever: that may have been given up, so after
   * a while room for smaller ones is enough. Submit again; if that is refused, wait again.
   * @throws LANESTORE_FAILED, LANESTORE_CLOSED; the signal's reason when it aborts.
   * @example
   * ```ts
   * import { isLanestoreError, type Persistence, type Round } from 'lanestore';
   *
   * export async function persistWhenItFits<B, Q, A>(store: Persistence<B, Q, A>, round: Round<B, Q, A>) {
   *   for (;;) {
   *     try {
   *       return await store.persist(round);
   *     } catch (error) {
   *       if (!isLanestoreError(error, 'LANESTORE_CAPACITY')) throw error;
   *       await store.ready();
   *     }
   *   }
   * }
   * ```
   */
  ready(signal?: AbortSignal): Promise<void>;

  readonly blocks: BlockPersister<Block, CommitQC>;
  readonly commitQCs: CommitQCPersister<CommitQC>;
  readonly anchor: AnchorPersister<Anchor>;

  /**
   * Forgets lanes that left the committee: their blocks and their cursors. Durable when it resolves. A round for such a lane
   * that is submitted later, or whose anchor names it, waits behind it, with all that follows, and finds a lane that never held
   * anything; other rounds may settle before. Unknown lanes are ignored. If the process dies before it resolves, a lane may still be
   * there, whole or emptied: drop it again. A call names as many lanes as `maxLanes` or `maxRoundEntries` says, or as the store
   * holds, whatever is most; more are LANESTORE_INVALID.
   */
  dropLanes(lanes: Iterable<LaneId>): Promise<void>;

  /**
   * Refuses new calls, waits for what was accepted, frees everything. Idempotent; also after LANESTORE_FAILED. A round whose own iterable
   * closes the store is refused as a whole.
   */
  close(): Promise<void>;
}
