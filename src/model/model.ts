/**
 * What a model is: how a store reads what it must know out of a node's own types, and how it turns them into bytes.
 *
 * The store itself knows no Autobahn. It needs a lane and a number of a block, an index of a CommitQC and the first
 * block of each lane in it, and the two parts of an anchor. `autobahn` is the model that ships; a node with other types brings its own.
 *
 * Every function must be pure and synchronous: the store calls it while a round is planned and encoded. What it
 * throws refuses the whole round, before any I/O.
 */
import type { BodyWriter } from '../cbor/body-writer.js';
import type { LaneId } from '../keys/lane-id.js';

export type { BodyWriter } from '../cbor/body-writer.js';

/** How entries of one kind become bytes and come back. */
export interface EntryCodec<T> {
  /**
   * Refuses an entry that cannot be stored: absent fields, hashes or keys of a wrong length. Called by every backend
   * before it plans the entry. It checks the shape, not signatures.
   * @throws LANESTORE_INVALID naming the field.
   */
  check(entry: T): void;
  /**
   * The body of the LevelDB record: a plain object with text keys, `Uint8Array` for bytes, bigint for 64-bit
   * integers, `undefined` nowhere. It may share memory with the entry; the store encodes it at once.
   */
  toBody(entry: T): object;
  /**
   * `check`, and what `toBody` gives, to the byte, in one pass over the entry. Optional: it lies on the path to durability, and a QC
   * has many small parts. What it wrote before it threw is forgotten.
   * @throws what `check` throws.
   */
  writeBody?(to: BodyWriter, entry: T): void;
  /**
   * The inverse of `toBody`, from decoded CBOR, which is handed over: it may be changed, kept, or be the entry itself. Byte strings
   * in it are `Uint8Array`s.
   * @throws LANESTORE_INVALID naming the field that is absent, of a wrong type or of a wrong length, or unknown.
   */
  fromBody(body: unknown): T;
  /**
   * What `fromBody` gives, from the encoded body, if that is exactly what `writeBody` writes; undefined otherwise: the body is then decoded
   * and goes through `fromBody`. Optional: it lies on the path of a restart. The result may share the memory of `body`. Never throws.
   */
  readBody?(body: Uint8Array): T | undefined;
  /** The entry as it goes over the wire and into a segment-file WAL (for Autobahn: protobuf). */
  toWire(entry: T): Uint8Array;
  /** The inverse of `toWire`. Leaves `bytes` as they are. @throws LANESTORE_INVALID naming the field. */
  fromWire(bytes: Uint8Array): T;
  /**
   * False only for bytes that `fromWire` refuses, found out in a time that does not grow with them. Optional: the segment-file WAL asks it of
   * each place behind a torn tail where an entry could begin, before it decodes anything there. Never throws.
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
  /** The first block of each lane in it. A lane that it omits has 0, and nothing happens to that lane. */
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
   * Refuses what is no inner state. Called where no checksum tells damage, which is in A/B files of the form `wrapper`: before inner is written
   * to one, and when one is read. Elsewhere inner may be any bytes.
   * @throws LANESTORE_INVALID naming the field.
   */
  check(inner: Uint8Array): void;
}

/**
 * A node's types, as far as a store needs them.
 * @example
 * ```ts
 * import { type EntryCodec, isLaneId, type LaneId, LanestoreError, type Model, openNoop } from 'lanestore';
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
 *     if (lane === undefined || !isLaneId(lane) || number === undefined) throw new TypeError('no item');
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
  /** Stands in `meta/schema`; a store opens only under the model that wrote it. Change it when bodies change. */
  readonly name: string;
  readonly block: BlockModel<Block>;
  readonly commitQC: CommitQCModel<CommitQC>;
  readonly anchor: AnchorModel<Anchor, CommitQC>;
  /** Absent: inner is any bytes, everywhere. */
  readonly inner?: InnerModel;
}
