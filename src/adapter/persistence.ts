/**
 * The port: what a node asks of its persistence, whichever backend is behind it (docs/design.md,
 * The port).
 *
 * Durability: a promise of this port resolves, and a hook fires, only after what it stands for
 * survives power loss. Concurrency: every method may be called at any time without waiting for
 * earlier calls. Calls are planned in the order in which they are made, each against the state that
 * the earlier ones lead to, and settle in that order (in the segment-file WAL: in that order within
 * each log; a call that touches several logs waits for all of them). Refusals: a call that is
 * refused (LANESTORE_OUT_OF_SEQUENCE, _WRONG_LANE, _INVALID, _CAPACITY, _CONFLICT, _QUARANTINED)
 * stores nothing of itself and changes nothing for the others. After LANESTORE_FAILED nothing is
 * accepted until the store is opened again.
 */
import type { LaneId } from '../keys/index.js';
import type { LogHistory, Position, VoteModel, VotePart } from '../model/model.js';
import type { StoreBatch, WitnessSet } from './witness-set.js';

/**
 * A half-open range [first, next) that a lane or the QC log holds. Empty when both are equal; never
 * goes back.
 */
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

/**
 * What one `persist` call carries. Any part may be absent; the parts take effect in the order given
 * here.
 */
export interface Round<Block, CommitQC, Anchor> {
  /**
   * Truncates lanes and QC log to its CommitQC, and is stored. One older than the stored anchor
   * changes nothing.
   */
  readonly anchor?: Anchor | undefined;
  /**
   * The node's own consensus state: any bytes (but see `Model.inner`); the last write wins. Copied
   * at the call.
   */
  readonly inner?: Uint8Array | undefined;
  /** In order of their road index; those that are stored already are ignored. */
  readonly commitQCs?: readonly CommitQC[] | undefined;
  /** Each lane's blocks in order of their number; lanes may be mixed. */
  readonly blocks?: Iterable<Block> | undefined;
  /**
   * Votes that the node's key gives, of the model's type, in this order; at most 1,024. A vote that
   * is refused refuses its round, so a round with votes has `inner` beside them and nothing else.
   * Backends without {@link Persistence.votes} refuse it with LANESTORE_INVALID.
   */
  readonly votes?: Iterable<unknown> | undefined;
}

/**
 * Called once for each entry of the round, in order, after it is durable: the anchor, then the
 * CommitQCs (ignored ones too), then the blocks, then the votes; with the caller's own objects. The
 * CommitQC that an anchor brings along has no hook of its own.
 *
 * Hooks should not throw. If one does, everything stays durable, the remaining hooks fire, and the
 * call rejects with what the first one threw; the store is not harmed.
 */
export interface DurableHooks<Block, CommitQC, Anchor> {
  readonly anchor?: ((anchor: Anchor) => void) | undefined;
  readonly commitQC?: ((qc: CommitQC) => void) | undefined;
  readonly block?: ((block: Block) => void) | undefined;
  /**
   * `digest` is what was stored for the vote: a signature over other bytes must not leave the
   * process.
   */
  readonly vote?: ((vote: unknown, digest: Uint8Array) => void) | undefined;
}

/** A vote that was given: its position, and the bytes that the key signed. */
export type Watermark = NonNullable<LogHistory['watermark']>;

/** What a store keeps of one log of votes: the highest vote given, and a floor. Both only rise. */
export type VoteLogState = LogHistory;

/** Why parts of a store's votes are closed. */
export interface Quarantine {
  readonly parts: readonly VotePart[];
  /** For people; at most 1,024 characters. */
  readonly why: string;
  /** When the first of them was closed: ISO 8601, UTC. */
  readonly when: string;
  /** The batch that closed the last of them; absent until it is durable. */
  readonly seq?: bigint;
  /**
   * True: the key is known to have signed what the store does not hold, for acknowledged batches
   * are gone, or its signatures came from outside. Then this state cannot be the last one of the
   * key. Default false.
   */
  readonly lost?: boolean;
  /** What peers have answered since, by validator: its public key in hex. */
  readonly answers?: ReadonlyMap<string, PeerAnswer>;
}

/** A place in which the key has signed what the store did not give. */
export type SeenPlace =
  | { readonly log: string; readonly at: Position }
  | { readonly lane: LaneId; readonly number: bigint };

/** How far another validator is, told after this one had stopped. */
export interface PeerAnswer {
  /** The road index that it expects next, after the highest CommitQC that it has; 0: none. */
  readonly next: bigint;
  /**
   * The number after the highest message that it ever received of the own lane of the one that
   * asks: blocks, and votes of its key for them, taken or still waiting; 0: none. Absent: not told.
   */
  readonly own?: bigint;
}

/** What a store keeps of the votes of its key. The object does not change afterwards. */
export interface VoteState {
  /**
   * The public key that signs. Undefined: no key was ever bound to the store, and all parts are
   * closed.
   */
  readonly signer: Uint8Array | undefined;
  readonly logs: ReadonlyMap<string, VoteLogState>;
  /**
   * By lane, the last block number of one that was dropped: neither votes nor own blocks are signed
   * at or below it.
   */
  readonly laneFloors: ReadonlyMap<LaneId, bigint>;
  readonly quarantine: Quarantine | undefined;
  /** The sinks that witness what the key signs; absent if there are none. */
  readonly sinks?: WitnessSet | undefined;
  /** Stores that signed before with this key, and whose histories this one has taken over. */
  readonly heirOf?: readonly StoreBatch[] | undefined;
}

/**
 * The votes of a store: what a guard reads, and the few changes that are no votes. Votes themselves
 * are given by `persist`. Reads show the state at this moment.
 */
export interface VoteStore<Block> {
  /** The model that the store was opened with: places and digests of votes are its own. */
  readonly model: VoteModel<unknown, Block, unknown>;
  /** What survives power loss. */
  readonly durable: VoteState;
  /**
   * What the next call is judged against: the durable state, and all that was accepted since. A
   * quarantine shows here at once.
   */
  readonly planned: VoteState;
  /** The store, and its newest batch that survives power loss. */
  readonly newest: StoreBatch;
  /** The road index of the next CommitQC, those that were accepted counted. */
  readonly nextCommitQC: bigint;
  /**
   * The number of the next block of a lane, those that were accepted counted; undefined for a lane
   * that never held anything.
   */
  nextBlock(lane: LaneId): bigint | undefined;
  /**
   * The block that the durable lane holds under that number; undefined if it holds none.
   * @throws LANESTORE_FAILED, LANESTORE_CLOSED; LANESTORE_CORRUPT if it cannot be read as it was
   * written.
   */
  block(lane: LaneId, number: bigint): Promise<Block | undefined>;
  /** The durable inner state. @throws as {@link block}. */
  inner(): Promise<Uint8Array | undefined>;
  /**
   * Binds the key that signs: once in the life of a store. Durable when it resolves; binding the
   * same key again changes nothing.
   * @throws LANESTORE_INVALID if another key is bound.
   */
  bind(signer: Uint8Array): Promise<void>;
  /**
   * Closes parts: at once for every later call, durably when it resolves. What is closed already
   * stays closed.
   * @param lost the key is known to have signed what the store does not hold
   * @param seen a place in which it did: it becomes a floor in the same batch
   */
  quarantine(parts: readonly VotePart[], why: string, lost?: boolean, seen?: SeenPlace): Promise<void>;
  /**
   * Records the sinks that witness what the key signs; undefined: none do. Durable when it
   * resolves.
   * @throws LANESTORE_INVALID for a set whose quorums may miss each other.
   */
  setSinks(sinks: WitnessSet | undefined): Promise<void>;
  /**
   * Keeps what another validator answered, while parts are closed: of each its first `next`, and
   * its highest `own`. Durable when it resolves; false if it changed nothing.
   */
  answer(validator: Uint8Array, answer: PeerAnswer): Promise<boolean>;
  /**
   * Registers the one guard of this store.
   * @param settled resolves when no message is being looked at any more: `close` of the store waits
   * for it, and then for every quarantine that was asked for
   * @throws LANESTORE_LOCKED if there is one. Returns what
   * takes it back; idempotent.
   */
  attach(settled?: () => Promise<unknown>): () => void;
}

/** What `open` found: durable, verified, and nothing below the anchor. */
export interface Recovered<Block, CommitQC, Anchor> {
  readonly anchor?: Anchor;
  readonly inner?: Uint8Array;
  /**
   * Ascending, without gaps. With an anchor, the first one is the anchor's, or the later one that
   * the QC log was truncated to.
   */
  readonly commitQCs: readonly CommitQC[];
  /**
   * Lanes that hold blocks, each ascending and without gaps. A lane that holds none is in the
   * cursors only.
   */
  readonly blocks: ReadonlyMap<LaneId, readonly Block[]>;
}

/** The block side of the port, for a node that drives each lane on its own. */
export interface BlockPersister<Block, CommitQC> {
  /**
   * Truncates one lane to where `anchorQC` has it begin, then appends `blocks`, atomically with
   * each other where the backend has atomic rounds. `afterEach` fires for every block, in order,
   * after it is durable. Calls of one turn of the event loop become one batch, and a CommitQC that
   * several of them pass is checked once: do not change it in that turn.
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
   * Truncates the QC log to `anchorQC`, appends it if it is the next one, then appends `commitQCs`;
   * stored ones are ignored. `afterEach` fires for each of `commitQCs`, ignored ones included,
   * after it is durable.
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
  /**
   * What `open` found, handed over once: a second call, and any call under `load: false`, gives an
   * empty one.
   */
  takeRecovered(): Recovered<Block, CommitQC, Anchor>;

  /** The durable cursors, as they are at this moment; the object does not change afterwards. */
  readonly cursors: Cursors;

  /**
   * Stores a round. The entries are read and encoded before this returns, so the caller may reuse
   * them at once. The round's iterables are run first, and hooks after each step: both may call the
   * store. Functions of the model may not, but for `close()`. Resolves when the round, and every
   * round accepted before it, is durable and the hooks have fired.
   * @throws LANESTORE_OUT_OF_SEQUENCE, LANESTORE_INVALID, LANESTORE_CAPACITY, LANESTORE_CONFLICT,
   * LANESTORE_QUARANTINED (refused as a whole, nothing stored); LANESTORE_FAILED, LANESTORE_CLOSED;
   * TypeError for arguments of the wrong type, and for parts and hooks that do not exist.
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
   * export async function persistWhenItFits<B, Q, A>(
   *   store: Persistence<B, Q, A>,
   *   round: Round<B, Q, A>,
   * ) {
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
   * The votes of the node's key. Undefined where the backend keeps none, or the model has none:
   * then rounds with votes are refused.
   */
  readonly votes?: VoteStore<Block> | undefined;

  /**
   * Forgets lanes that left the committee: their blocks and their cursors. Durable when it
   * resolves. A round for such a lane that is submitted later, or whose anchor names it, waits
   * behind it, with all that follows, and finds a lane that never held anything; other rounds may
   * settle before. Unknown lanes are ignored. If the process dies before it resolves, a lane may
   * still be there, whole or emptied: drop it again. A call names as many lanes as `maxLanes` or
   * `maxRoundEntries` says, or as the store holds, whatever is most; more are LANESTORE_INVALID.
   */
  dropLanes(lanes: Iterable<LaneId>): Promise<void>;

  /**
   * Refuses new calls, waits for what was accepted, frees everything. Idempotent; also after
   * LANESTORE_FAILED. A round whose own iterable closes the store is refused as a whole.
   */
  close(): Promise<void>;
}
