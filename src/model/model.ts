/**
 * The model: how a store reads a node's own types, and how it converts them to bytes.
 *
 * The store does not depend on Autobahn. It needs the lane and the number of a block, the road
 * index of a CommitQC and the first block of each lane in it, and the two parts of an anchor. The
 * package contains the model `autobahn`; a node with other types supplies its own model.
 *
 * Every function must be pure and synchronous: the store calls it while it plans and encodes a
 * round. An exception refuses the whole round, before any I/O.
 */
import type { BodyWriter } from '../cbor/body-writer.js';
import type { LaneId } from '../keys/lane-id.js';

export type { BodyWriter } from '../cbor/body-writer.js';

/** Converts entries of one kind to bytes and back. */
export interface EntryCodec<T> {
  /**
   * Refuses an entry that cannot be stored: absent fields, hashes or keys of a wrong length. Every
   * backend calls it before it plans the entry. It checks the structure, not signatures.
   * @throws LANESTORE_INVALID naming the field.
   */
  check(entry: T): void;
  /**
   * The body of the LevelDB record: a plain object with text keys, `Uint8Array` for bytes, bigint
   * for 64-bit integers, and no `undefined`. It may share memory with the entry: the store encodes
   * it at once.
   */
  toBody(entry: T): object;
  /**
   * Checks the entry as `check` does and writes the same bytes as the encoding of `toBody`, in one
   * pass. Optional: it makes the commit path faster, because a QC has many small parts. If it
   * throws, the bytes written so far are discarded.
   * @throws as `check`.
   */
  writeBody?(to: BodyWriter, entry: T): void;
  /**
   * The inverse of `toBody`, from decoded CBOR. The function owns `body`: it may change it, keep
   * it, or return it as the entry. Byte strings in it are `Uint8Array`s.
   * @throws LANESTORE_INVALID naming the field that is absent, of a wrong type or of a wrong
   * length, or unknown.
   */
  fromBody(body: unknown): T;
  /**
   * The result of `fromBody`, read directly from the encoded body, if that is exactly what
   * `writeBody` writes. Undefined otherwise: then the store decodes the body and calls `fromBody`.
   * Optional: it makes a restart faster. The result may share the memory of `body`. Never throws.
   */
  readBody?(body: Uint8Array): T | undefined;
  /** The entry's encoding on the wire and in a segment-file WAL (for Autobahn: protobuf). */
  toWire(entry: T): Uint8Array;
  /**
   * The inverse of `toWire`. Does not modify `bytes`.
   * @throws LANESTORE_INVALID naming the field.
   */
  fromWire(bytes: Uint8Array): T;
  /**
   * False only for bytes that `fromWire` refuses. Its time does not grow with their number.
   * Optional: after a torn tail, the segment-file WAL calls it for each offset at which an entry
   * could begin, before it decodes anything there. Never throws.
   */
  isWireShaped?(bytes: Uint8Array): boolean;
}

/** Blocks: the fields that the planner reads. */
export interface BlockModel<Block> extends EntryCodec<Block> {
  /** The lane that the block belongs to: lowercase hex. */
  lane(block: Block): LaneId;
  /** Its number in that lane, 0 to 2^64-2. */
  number(block: Block): bigint;
}

/** CommitQCs: the fields that the planner reads. */
export interface CommitQCModel<CommitQC> extends EntryCodec<CommitQC> {
  /** Its road index, 0 to 2^64-2. */
  index(qc: CommitQC): bigint;
  /** The first block of each lane in it. An omitted lane counts as 0 and is not truncated. */
  laneStarts(qc: CommitQC): Iterable<readonly [LaneId, bigint]>;
}

/** Prune anchors: the fields that the planner reads. */
export interface AnchorModel<Anchor, CommitQC> extends EntryCodec<Anchor> {
  /**
   * The road index that its AppQC names. An anchor whose CommitQC has another road index is
   * refused.
   */
  index(anchor: Anchor): bigint;
  /** Its CommitQC. */
  commitQC(anchor: Anchor): CommitQC;
}

/** The node's inner state, for a model that defines its encoding. */
export interface InnerModel {
  /**
   * Refuses bytes that are not an inner state. Called where no checksum detects damage, which is in
   * A/B files of the form `wrapper`: before `inner` is written to such a file, and when one is
   * read. Elsewhere `inner` may be any bytes.
   * @throws LANESTORE_INVALID naming the field.
   */
  check(inner: Uint8Array): void;
}

/**
 * One to three u64, compared lexicographically. All positions of a log have the same count of
 * numbers. Autobahn: (road, view), or (global number).
 */
export type Position = readonly bigint[];

/**
 * The parts that a quarantine can close. `rounds`: votes of consensus; `app`: votes for a state of
 * the application; `lanes`: votes for blocks; `own`: blocks of the node's own lane.
 */
export type VotePart = 'rounds' | 'app' | 'lanes' | 'own';

/** A log of votes: an ascending sequence of places. The key signs once in each. */
export interface VoteLog {
  /** How many numbers a position has: 1 to 3. */
  readonly arity: number;
  /** The part that the log belongs to. Lanes have no logs. */
  readonly part: 'rounds' | 'app';
}

/** The place of a vote in a log. */
export interface LogPlace {
  /** A key of {@link VoteModel.logs}. */
  readonly log: string;
  readonly at: Position;
  /**
   * The positions in other logs that exclude the vote: it is refused if one of these logs has a
   * vote, or a floor, at or above its position here. Empty for a vote that only its own log orders.
   */
  readonly before: readonly (readonly [log: string, at: Position])[];
  /** The vote is refused until CommitQC `needs - 1` is stored; 0 needs none. */
  readonly needs: bigint;
}

/**
 * The place of a vote for a block (`lanes`), or of a block of the node's own lane (`own`): the
 * stored block determines what is signed there.
 */
export interface LanePlace {
  readonly part: 'lanes' | 'own';
  readonly lane: LaneId;
  readonly number: bigint;
}

/**
 * The history of a log of votes: the highest vote given, and the floor, a position at or below
 * which nothing may be signed.
 */
export interface LogHistory {
  readonly watermark: { readonly at: Position; readonly digest: Uint8Array } | undefined;
  readonly floor: Position | undefined;
}

/** The votes of a key as far as the node's stored state shows them. */
export interface VoteHistory {
  /** The public key, if the state holds a signature of it. */
  readonly signer: Uint8Array | undefined;
  /** By name. */
  readonly logs: ReadonlyMap<string, LogHistory>;
}

/** The evidence of peers from which the highest places that a key may have signed are computed. */
export interface PeerReach {
  /** The public key that signs. */
  readonly signer: Uint8Array;
  /** The public keys of all validators, the own one included. */
  readonly validators: readonly Uint8Array[];
  /** Further lanes, from the store. */
  readonly lanes: readonly LaneId[];
  /** The highest road index that a peer expects next. */
  readonly next: bigint;
  /**
   * CommitQC `next - 1`, or a later one; undefined if `next` is 0, that is, no peer has a CommitQC.
   */
  readonly reached: unknown;
  /** CommitQC `next`, or a later one; undefined if none is stored yet. */
  readonly following: unknown;
}

/** Upper bounds: before the peers answered, the key signed nothing above these places. */
export interface SigningBounds {
  /** By name of the log. A log that is absent cannot be bounded yet. */
  readonly logs: ReadonlyMap<string, Position>;
  /** For votes for blocks, by lane: all lanes that the key may have voted in, except its own. */
  readonly lanes: ReadonlyMap<LaneId, bigint>;
  /** The lane whose blocks the key signs. */
  readonly own: LaneId;
}

/** A key that signs in this process. */
export interface VoteKey {
  /** The public key. */
  readonly signer: Uint8Array;
  sign(digest: Uint8Array): Uint8Array;
}

/**
 * The messages that a node signs, with the properties by which a store and a guard prevent a key
 * from signing twice in one place.
 *
 * Different messages must have different digests, and two messages for one place must have the same
 * `place`. The digest must cover everything that `place` returns: the place has no signature of its
 * own.
 */
export interface VoteModel<Vote, Block, Signed> {
  /**
   * By name: 1 to 32 of `a-z`, `0-9` and `-`; at most 16 logs. Stores contain the names: never
   * rename one.
   */
  readonly logs: Readonly<Record<string, VoteLog>>;
  /** False if a dropped lane never comes back under the same id: then no floor is kept for it. */
  readonly lanesRecur: boolean;
  /**
   * Refuses a value that is not a message, or that contradicts itself.
   * @throws LANESTORE_INVALID naming the field.
   */
  check(vote: Vote): void;
  /** The place of the vote. Called after `check`. */
  place(vote: Vote): LogPlace | LanePlace;
  /** The bytes that the key signs, 32 of them, in memory of their own. Called after `check`. */
  digest(vote: Vote): Uint8Array;
  /**
   * The vote for a stored block. Different blocks for one place give votes with different digests.
   */
  laneVote(block: Block): Vote;
  /** The block, as a store takes it, from a signed block of the own lane. */
  blockOf(signed: Signed): Block;
  /** True for a lane whose blocks `signer` signs. */
  isOwnLane(lane: LaneId, signer: Uint8Array): boolean;
  /**
   * The vote as it is sent.
   * @throws LANESTORE_INVALID for bytes that cannot be a signature.
   */
  signed(vote: Vote, signer: Uint8Array, signature: Uint8Array): Signed;
  /**
   * The inverse of `signed`: the vote and the key that signed it. The caller has verified the
   * signature.
   */
  opened(signed: Signed): { readonly vote: Vote; readonly signer: Uint8Array };
  /**
   * The key of a secret.
   * @throws LANESTORE_INVALID for a wrong length.
   */
  keyOf(secret: Uint8Array): VoteKey;
  /**
   * The votes that the node's inner state and the anchor show. Optional: needed for imports and for
   * stores of a format without votes.
   * @throws LANESTORE_INVALID for an inner state that cannot be decoded: then no vote is known.
   */
  history?(inner: Uint8Array | undefined, anchor: unknown): VoteHistory;
  /**
   * The highest places that the key may have signed, computed from the evidence of its peers. Pure.
   * Optional: without it an operator sets the floors of a restored store.
   */
  bounds?(reach: PeerReach): SigningBounds;
}

/**
 * A node's types, with the properties that a store needs.
 * @example
 * ```ts
 * import { type EntryCodec, isLaneId, type LaneId } from 'lanestore';
 * import { LanestoreError, type Model, openNoop } from 'lanestore';
 *
 * interface Item {
 *   readonly lane: LaneId;
 *   readonly number: bigint;
 * }
 * interface Cut {
 *   readonly index: bigint;
 *   readonly starts: readonly Item[];
 * }
 *
 * // Bodies of text, on the wire as JSON.
 * function codec<T>(write: (entry: T) => object, read: (body: unknown) => T): EntryCodec<T> {
 *   const checked = (from: () => unknown): T => {
 *     try {
 *       return read(from());
 *     } catch (cause) {
 *       throw new LanestoreError('LANESTORE_INVALID', 'malformed', { cause });
 *     }
 *   };
 *   return {
 *     check: (entry) => void checked(() => write(entry)),
 *     toBody: write,
 *     fromBody: (body) => checked(() => body),
 *     toWire: (entry) => Buffer.from(JSON.stringify(write(entry))),
 *     fromWire: (bytes) => checked(() => JSON.parse(Buffer.from(bytes).toString())),
 *   };
 * }
 * const item = codec<Item>(
 *   ({ lane, number }) => ({ lane, number: `${number}` }),
 *   (body) => {
 *     const { lane, number } = body as Record<string, string>;
 *     if (lane === undefined || !isLaneId(lane) || number === undefined)
 *       throw new TypeError('no item');
 *     return { lane, number: BigInt(number) };
 *   },
 * );
 * const cut = codec<Cut>(
 *   ({ index, starts }) => ({ index: `${index}`, starts: starts.map(item.toBody) }),
 *   (body) => {
 *     const { index, starts } = body as { index: string; starts: unknown[] };
 *     return { index: BigInt(index), starts: starts.map(item.fromBody) };
 *   },
 * );
 * const model: Model<Item, Cut, Cut> = {
 *   name: 'items/1',
 *   block: { ...item, lane: ({ lane }) => lane, number: ({ number }) => number },
 *   commitQC: {
 *     ...cut,
 *     index: ({ index }) => index,
 *     laneStarts: ({ starts }) => starts.map(({ lane, number }) => [lane, number] as const),
 *   },
 *   anchor: { ...cut, index: ({ index }) => index, commitQC: (anchor) => anchor },
 * };
 * const store = await openNoop({ model });
 * await store.persist({ blocks: [{ lane: '0a', number: 0n }] });
 * await store.close();
 * ```
 */
export interface Model<Block, CommitQC, Anchor> {
  /**
   * Stored in `meta/schema`; a store opens only with the model that wrote it. Change the name when
   * bodies change.
   */
  readonly name: string;
  readonly block: BlockModel<Block>;
  readonly commitQC: CommitQCModel<CommitQC>;
  readonly anchor: AnchorModel<Anchor, CommitQC>;
  /** Absent: `inner` may be any bytes, everywhere. */
  readonly inner?: InnerModel;
  /** Absent: rounds with votes are refused, and no guard opens on the store. */
  readonly votes?: VoteModel<unknown, Block, unknown>;
}
