/**
 * The port: the interface between a node and its persistence, the same for every backend
 * (docs/design.md, The port).
 *
 * Durability: a promise of this port resolves, and a hook fires, only after the data that it stands
 * for survives power loss. Concurrency: every method may be called at any time without waiting for
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
 * The half-open range [first, next) of numbers that a lane or the QC log holds. Empty when both are
 * equal. Neither number ever decreases.
 */
export interface Cursor {
  /** The oldest number held; equal to `next` when the range is empty. */
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
   * Is stored, and truncates the lanes and the QC log to its CommitQC. An anchor older than the
   * stored one changes nothing.
   */
  readonly anchor?: Anchor | undefined;
  /**
   * The node's own consensus state: any bytes (but see `Model.inner`); the last write wins. Copied
   * at the call.
   */
  readonly inner?: Uint8Array | undefined;
  /** Ascending by road index. CommitQCs that are stored already are ignored. */
  readonly commitQCs?: readonly CommitQC[] | undefined;
  /** The blocks of each lane ascend by number. Lanes may be mixed. */
  readonly blocks?: Iterable<Block> | undefined;
  /**
   * Votes of the node's key, of the model's type, in the order in which they are given; at most
   * 1,024. A refused vote refuses the whole round. A round with votes may also have `inner`, but no
   * other part. Backends without {@link Persistence.votes} refuse votes with LANESTORE_INVALID.
   */
  readonly votes?: Iterable<unknown> | undefined;
}

/**
 * Called once for each entry of the round, in order, after it is durable: the anchor, then the
 * CommitQCs (ignored ones too), then the blocks, then the votes. The arguments are the caller's own
 * objects. The CommitQC inside an anchor has no hook of its own.
 *
 * Hooks should not throw. If one does, everything stays durable, the remaining hooks fire, and the
 * call rejects with what the first one threw; the store is not harmed.
 */
export interface DurableHooks<Block, CommitQC, Anchor> {
  readonly anchor?: ((anchor: Anchor) => void) | undefined;
  readonly commitQC?: ((qc: CommitQC) => void) | undefined;
  readonly block?: ((block: Block) => void) | undefined;
  /**
   * `digest` is the digest that was stored for the vote. A signature over other bytes must not
   * leave the process.
   */
  readonly vote?: ((vote: unknown, digest: Uint8Array) => void) | undefined;
}

/** A vote that was given: its position, and the bytes that the key signed. */
export type Watermark = NonNullable<LogHistory['watermark']>;

/** The state of one log of votes: the highest vote given, and a floor. Both only rise. */
export type VoteLogState = LogHistory;

/** Why parts of a store's votes are closed. */
export interface Quarantine {
  readonly parts: readonly VotePart[];
  /** The reason in words; at most 1,024 characters. */
  readonly why: string;
  /** When the first of the parts was closed: ISO 8601, UTC. */
  readonly when: string;
  /** The batch that closed the last of the parts; absent until that batch is durable. */
  readonly seq?: bigint;
  /**
   * True if the key is known to have signed messages that the store does not hold: acknowledged
   * batches are gone, or signatures of the key came from outside. Such a state is not the key's
   * last one. Default false.
   */
  readonly lost?: boolean;
  /** The answers of peers since then, by the public key of the validator in hex. */
  readonly answers?: ReadonlyMap<string, PeerAnswer>;
}

/** A place in which the key has signed a message that the store did not give. */
export type SeenPlace =
  | { readonly log: string; readonly at: Position }
  | { readonly lane: LaneId; readonly number: bigint };

/** The progress of another validator, as reported after this validator had stopped. */
export interface PeerAnswer {
  /** The road index after the highest CommitQC that the peer has; 0 if it has none. */
  readonly next: bigint;
  /**
   * The number after the highest message that the peer ever received of the asking validator's own
   * lane, whether accepted or still waiting: blocks, and votes of that validator's key for them. 0
   * if there is none; absent if the peer did not report it, or may have forgotten a message in a
   * restart.
   */
  readonly own?: bigint;
}

/**
 * The state of the votes of a store's key. The object does not change afterwards, and its bytes are
 * those that the store judges and writes: do not change or transfer them.
 */
export interface VoteState {
  /**
   * The public key that signs. Undefined: no key was ever bound to the store, and all parts are
   * closed.
   */
  readonly signer: Uint8Array | undefined;
  readonly logs: ReadonlyMap<string, VoteLogState>;
  /**
   * By dropped lane, its last block number. Neither votes nor own blocks are signed at or below it.
   */
  readonly laneFloors: ReadonlyMap<LaneId, bigint>;
  readonly quarantine: Quarantine | undefined;
  /** The sinks that witness what the key signs; absent if there are none. */
  readonly sinks?: WitnessSet | undefined;
  /** Stores that signed before with this key, and whose histories this one has taken over. */
  readonly heirOf?: readonly StoreBatch[] | undefined;
}

/**
 * The votes of a store, for a guard: reads, and the changes other than giving a vote. Votes are
 * given with `persist`. Reads return the state at the moment of the call.
 */
export interface VoteStore<Block> {
  /** The model that the store was opened with. It defines the places and digests of votes. */
  readonly model: VoteModel<unknown, Block, unknown>;
  /** The state that survives power loss. */
  readonly durable: VoteState;
  /**
   * The state that the next call is checked against: the durable state, and everything accepted
   * since. It includes a quarantine at once.
   */
  readonly planned: VoteState;
  /** The store, and its newest batch that survives power loss. */
  readonly newest: StoreBatch;
  /** The road index of the next CommitQC, after all accepted ones. */
  readonly nextCommitQC: bigint;
  /**
   * The number of the next block of a lane, after all accepted ones; undefined for a lane that
   * never held anything.
   */
  nextBlock(lane: LaneId): bigint | undefined;
  /**
   * The durable block with this number; undefined if the lane does not hold it.
   * @throws LANESTORE_FAILED, LANESTORE_CLOSED; LANESTORE_CORRUPT if the block on disk is damaged.
   */
  block(lane: LaneId, number: bigint): Promise<Block | undefined>;
  /** The durable inner state. @throws as {@link block}. */
  inner(): Promise<Uint8Array | undefined>;
  /**
   * Binds the key that signs: once in the lifetime of a store. Durable when it resolves. Binding
   * the same key again changes nothing.
   * @throws LANESTORE_INVALID if another key is bound.
   */
  bind(signer: Uint8Array): Promise<void>;
  /**
   * Closes parts: immediately for every later call, durably when it resolves. Closed parts stay
   * closed.
   * @param lost the key is known to have signed messages that the store does not hold
   * @param seen the place of such a message: it becomes a floor in the same batch
   */
  quarantine(parts: readonly VotePart[], why: string, lost?: boolean, seen?: SeenPlace): Promise<void>;
  /**
   * Records the sinks that witness what the key signs; undefined: none do. Durable when it
   * resolves.
   * @throws LANESTORE_INVALID for a set whose quorums may miss each other.
   */
  setSinks(sinks: WitnessSet | undefined): Promise<void>;
  /**
   * Stores the answer of another validator while parts are closed. Of several answers of one
   * validator it keeps the first `next` and the highest `own`. Durable when it resolves; false if
   * it changed nothing.
   */
  answer(validator: Uint8Array, answer: PeerAnswer): Promise<boolean>;
  /**
   * Registers the one guard of this store.
   * @param settled resolves when the guard examines no message any more: `close` of the store waits
   * for it, and then for every quarantine
   * @returns a function that removes the registration; idempotent.
   * @throws LANESTORE_LOCKED if a guard is registered already.
   */
  attach(settled?: () => Promise<unknown>): () => void;
}

/** The entries that `open` found. All are durable and verified, and none lies below the anchor. */
export interface Recovered<Block, CommitQC, Anchor> {
  readonly anchor?: Anchor;
  readonly inner?: Uint8Array;
  /**
   * Ascending, without gaps. With an anchor, the first is the anchor's CommitQC, or a later one
   * that the QC log was truncated to.
   */
  readonly commitQCs: readonly CommitQC[];
  /**
   * Lanes that hold blocks, each ascending and without gaps. An empty lane is in the cursors only.
   */
  readonly blocks: ReadonlyMap<LaneId, readonly Block[]>;
}

/** The block side of the port, for a node that persists each lane separately. */
export interface BlockPersister<Block, CommitQC> {
  /**
   * Truncates one lane to its first block in `anchorQC`, then appends `blocks`. Both are one atomic
   * step where the backend has atomic rounds. `afterEach` fires for every block, in order, after it
   * is durable. Calls in one turn of the event loop become one batch. A CommitQC that several of
   * them pass is checked once: do not change it in that turn.
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
  /** The road index after the newest durable CommitQC. */
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
   * The entries that `open` found. They are handed over once: a second call, and any call with
   * `load: false`, returns an empty result.
   */
  takeRecovered(): Recovered<Block, CommitQC, Anchor>;

  /** The durable cursors at the moment of the call. The object does not change afterwards. */
  readonly cursors: Cursors;

  /**
   * Stores a round. The entries are read and encoded before this returns, so the caller may reuse
   * them at once. The round's iterables run first, the hooks after the round is durable: both may
   * call the store. Functions of the model may call only `close()`. Resolves when the round, and
   * every round accepted before it, is durable and the hooks have fired.
   * @throws LANESTORE_OUT_OF_SEQUENCE, LANESTORE_INVALID, LANESTORE_CAPACITY, LANESTORE_CONFLICT,
   * LANESTORE_QUARANTINED (the round is refused as a whole, nothing is stored); LANESTORE_FAILED,
   * LANESTORE_CLOSED; TypeError for arguments of the wrong type, and for parts and hooks that do
   * not exist.
   */
  persist(round: Round<Block, CommitQC, Anchor>, hooks?: DurableHooks<Block, CommitQC, Anchor>): Promise<void>;

  /**
   * Resolves when the queue has room again after LANESTORE_CAPACITY; immediately if it has room. It
   * first waits for room for the largest refused round. The caller may have given that round up, so
   * after a while room for a smaller one is enough. Submit again; if the round is refused, wait
   * again.
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
   * The votes of the node's key. Undefined if the backend or the model has no votes: then rounds
   * with votes are refused.
   */
  readonly votes?: VoteStore<Block> | undefined;

  /**
   * Forgets lanes that left the committee: their blocks and their cursors. Durable when it
   * resolves. A later round for such a lane, or one whose anchor names it, waits until the lane is
   * gone, and so do all rounds after it. For that round the lane never held anything. Other rounds
   * may settle earlier. Unknown lanes are ignored. If the process dies before the call resolves, a
   * lane may remain, whole or emptied: drop it again. A call may name at most as many lanes as the
   * largest of `maxLanes`, `maxRoundEntries` and the number of lanes in the store; more are
   * LANESTORE_INVALID.
   */
  dropLanes(lanes: Iterable<LaneId>): Promise<void>;

  /**
   * Refuses new calls, waits for the accepted ones, and frees all resources. Idempotent; also
   * allowed after LANESTORE_FAILED. A round whose own iterable closes the store is refused as a
   * whole.
   */
  close(): Promise<void>;
}
