/**
 * What a model is: how a store reads what it must know out of a node's own types, and how it turns
 * them into bytes.
 *
 * The store itself knows no Autobahn. It needs a lane and a number of a block, an index of a
 * CommitQC and the first block of each lane in it, and the two parts of an anchor. `autobahn` is
 * the model that ships; a node with other types brings its own.
 *
 * Every function must be pure and synchronous: the store calls it while a round is planned and
 * encoded. What it throws refuses the whole round, before any I/O.
 */
import type { BodyWriter } from '../cbor/body-writer.js';
import type { LaneId } from '../keys/lane-id.js';

export type { BodyWriter } from '../cbor/body-writer.js';

/** How entries of one kind become bytes and come back. */
export interface EntryCodec<T> {
  /**
   * Refuses an entry that cannot be stored: absent fields, hashes or keys of a wrong length. Called
   * by every backend before it plans the entry. It checks the shape, not signatures.
   * @throws LANESTORE_INVALID naming the field.
   */
  check(entry: T): void;
  /**
   * The body of the LevelDB record: a plain object with text keys, `Uint8Array` for bytes, bigint
   * for 64-bit integers, `undefined` nowhere. It may share memory with the entry; the store encodes
   * it at once.
   */
  toBody(entry: T): object;
  /**
   * `check`, and what `toBody` gives, to the byte, in one pass over the entry. Optional: it lies on
   * the path to durability, and a QC has many small parts. What it wrote before it threw is
   * forgotten.
   * @throws what `check` throws.
   */
  writeBody?(to: BodyWriter, entry: T): void;
  /**
   * The inverse of `toBody`, from decoded CBOR, which is handed over: it may be changed, kept, or
   * be the entry itself. Byte strings in it are `Uint8Array`s.
   * @throws LANESTORE_INVALID naming the field that is absent, of a wrong type or of a wrong
   * length, or unknown.
   */
  fromBody(body: unknown): T;
  /**
   * What `fromBody` gives, from the encoded body, if that is exactly what `writeBody` writes;
   * undefined otherwise: the body is then decoded and goes through `fromBody`. Optional: it lies on
   * the path of a restart. The result may share the memory of `body`. Never throws.
   */
  readBody?(body: Uint8Array): T | undefined;
  /** The entry as it goes over the wire and into a segment-file WAL (for Autobahn: protobuf). */
  toWire(entry: T): Uint8Array;
  /**
   * The inverse of `toWire`. Leaves `bytes` as they are.
   * @throws LANESTORE_INVALID naming the field.
   */
  fromWire(bytes: Uint8Array): T;
  /**
   * False only for bytes that `fromWire` refuses, found out in a time that does not grow with them.
   * Optional: the segment-file WAL asks it of each place behind a torn tail where an entry could
   * begin, before it decodes anything there. Never throws.
   */
  isWireShaped?(bytes: Uint8Array): boolean;
}

/** Blocks: what the planner reads of one. */
export interface BlockModel<Block> extends EntryCodec<Block> {
  /** The lane that the block belongs to: lowercase hex. */
  lane(block: Block): LaneId;
  /** Its number in that lane, 0 to 2^64-2. */
  number(block: Block): bigint;
}

/** CommitQCs: what the planner reads of one. */
export interface CommitQCModel<CommitQC> extends EntryCodec<CommitQC> {
  /** Its road index, 0 to 2^64-2. */
  index(qc: CommitQC): bigint;
  /**
   * The first block of each lane in it. A lane that it omits has 0, and nothing happens to that
   * lane.
   */
  laneStarts(qc: CommitQC): Iterable<readonly [LaneId, bigint]>;
}

/** Prune anchors: what the planner reads of one. */
export interface AnchorModel<Anchor, CommitQC> extends EntryCodec<Anchor> {
  /** The road index that its AppQC names; an anchor whose CommitQC has another one is refused. */
  index(anchor: Anchor): bigint;
  /** Its CommitQC. */
  commitQC(anchor: Anchor): CommitQC;
}

/** The node's inner state, for a model that knows what it looks like. */
export interface InnerModel {
  /**
   * Refuses what is no inner state. Called where no checksum tells damage, which is in A/B files of
   * the form `wrapper`: before inner is written to one, and when one is read. Elsewhere inner may
   * be any bytes.
   * @throws LANESTORE_INVALID naming the field.
   */
  check(inner: Uint8Array): void;
}

/**
 * One to three u64, compared number by number from the first one on. All positions of a log have
 * the same count of numbers. Autobahn: (road, view), or (global number).
 */
export type Position = readonly bigint[];

/**
 * What a quarantine closes. `rounds`: votes of consensus; `app`: votes for a state of the
 * application; `lanes`: votes for blocks; `own`: blocks of the node's own lane.
 */
export type VotePart = 'rounds' | 'app' | 'lanes' | 'own';

/** A log of votes: places in which a key signs once each, in ascending order. */
export interface VoteLog {
  /** How many numbers a position has: 1 to 3. */
  readonly arity: number;
  /** The part that it belongs to: lanes have no logs. */
  readonly part: 'rounds' | 'app';
}

/** The place of a vote in a log. */
export interface LogPlace {
  /** A key of {@link VoteModel.logs}. */
  readonly log: string;
  readonly at: Position;
  /**
   * What the vote rules out, and what rules it out: it is refused if one of these logs has a vote,
   * or a floor, at or above that position. Empty for a vote that only its own log orders.
   */
  readonly before: readonly (readonly [log: string, at: Position])[];
  /** The vote is refused until CommitQC `needs - 1` is stored; 0 needs none. */
  readonly needs: bigint;
}

/**
 * The place of a vote for a block (`lanes`), or of a block of the node's own lane (`own`): the
 * stored lane says what is signed there.
 */
export interface LanePlace {
  readonly part: 'lanes' | 'own';
  readonly lane: LaneId;
  readonly number: bigint;
}

/**
 * What is known of a log of votes: the highest vote given, and a position at or below which nothing
 * may be signed.
 */
export interface LogHistory {
  readonly watermark: { readonly at: Position; readonly digest: Uint8Array } | undefined;
  readonly floor: Position | undefined;
}

/** What a node's stored state tells of the votes of its key. */
export interface VoteHistory {
  /** The key, if the state holds something that it signed. */
  readonly signer: Uint8Array | undefined;
  /** By name. */
  readonly logs: ReadonlyMap<string, LogHistory>;
}

/** What peers of a validator prove of how far its key may have signed. */
export interface PeerReach {
  /** The public key that signs. */
  readonly signer: Uint8Array;
  /** The public keys of all validators, the own one included. */
  readonly validators: readonly Uint8Array[];
  /** Lanes that the store knows besides. */
  readonly lanes: readonly LaneId[];
  /** The highest road index that a peer expects next. */
  readonly next: bigint;
  /** CommitQC `next - 1`, or a later one; undefined if `next` is 0: no peer has any. */
  readonly reached: unknown;
  /** CommitQC `next`, or a later one; undefined if none is stored yet. */
  readonly following: unknown;
}

/** Nothing was signed above these places before the peers answered. */
export interface SigningBounds {
  /** By name. A log without one cannot be bounded yet. */
  readonly logs: ReadonlyMap<string, Position>;
  /** By lane, of votes for blocks: all lanes that the key may have voted in, but its own. */
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
 * The messages that a node signs, as far as a store and a guard must know them so that no key signs
 * twice in one place.
 *
 * `digest` must tell any two messages apart, and two messages in one place must have the same
 * `place`. Everything that `place` gives must be covered by the digest: the place is never signed
 * by itself.
 */
export interface VoteModel<Vote, Block, Signed> {
  /**
   * By name: 1 to 32 of `a-z`, `0-9` and `-`; at most 16 logs. Names stand in stores: never rename
   * one.
   */
  readonly logs: Readonly<Record<string, VoteLog>>;
  /**
   * False: a lane that was dropped never comes back under the same id, so no floor is kept for it.
   */
  readonly lanesRecur: boolean;
  /**
   * Refuses what is no message, or contradicts itself.
   * @throws LANESTORE_INVALID naming the field.
   */
  check(vote: Vote): void;
  /** Where it stands. Called after `check`. */
  place(vote: Vote): LogPlace | LanePlace;
  /** The bytes that the key signs, 32 of them, in memory of their own. Called after `check`. */
  digest(vote: Vote): Uint8Array;
  /** The vote for a stored block. Its digest tells any two blocks of one place apart. */
  laneVote(block: Block): Vote;
  /** A signed block of the own lane as a store takes it. */
  blockOf(signed: Signed): Block;
  /** True for a lane whose blocks `signer` signs. */
  isOwnLane(lane: LaneId, signer: Uint8Array): boolean;
  /** The vote as it is sent. @throws LANESTORE_INVALID for what cannot be a signature. */
  signed(vote: Vote, signer: Uint8Array, signature: Uint8Array): Signed;
  /** The inverse: what was signed, and by which key. The signature was verified before. */
  opened(signed: Signed): { readonly vote: Vote; readonly signer: Uint8Array };
  /** The key of a secret. @throws LANESTORE_INVALID for a wrong length. */
  keyOf(secret: Uint8Array): VoteKey;
  /**
   * What the node's inner state and the anchor tell of its votes. Optional: for stores whose format
   * kept none, and for imports.
   * @throws LANESTORE_INVALID for an inner state that cannot be read: then nothing is known.
   */
  history?(inner: Uint8Array | undefined, anchor: unknown): VoteHistory;
  /**
   * How far the key may have signed at most, given how far its peers are. Pure. Optional: without
   * it the floors of a restored store are given by hand.
   */
  bounds?(reach: PeerReach): SigningBounds;
}

/**
 * A node's types, as far as a store needs them.
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
   * Stands in `meta/schema`; a store opens only under the model that wrote it. Change it when
   * bodies change.
   */
  readonly name: string;
  readonly block: BlockModel<Block>;
  readonly commitQC: CommitQCModel<CommitQC>;
  readonly anchor: AnchorModel<Anchor, CommitQC>;
  /** Absent: inner is any bytes, everywhere. */
  readonly inner?: InnerModel;
  /** Absent: rounds with votes are refused, and no guard opens on the store. */
  readonly votes?: VoteModel<unknown, Block, unknown>;
}
