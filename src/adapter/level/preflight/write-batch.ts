/**
 * A WriteBatch, the content of a log's record (db/write_batch.cc of LevelDB 1.20):
 *
 *      offset   0                8            12
 *               sequence (u64)   count (u32)  count operations
 *      an operation:   1, key, value (put)   or   0, key (delete);   key and value are slices
 *
 * A batch of a store begins (docs/format.md) with the put of `meta/tip`. The record of `meta/tip`
 * begins with the store's id and the batch's seq:
 *
 *      12   01 08 "meta/tip"   varint length of the value
 *           83 01 a6 65 "store" 50 store id (16 bytes) 63 "seq" 1b seq (u64, big-endian)
 *
 * Block bytes, which peers choose, come later in a batch, and peers do not know the store id. So
 * only this store can have written a record that begins like this with its own id.
 */
import { copyOf } from '../../../base/bytes.js';
import { EVENT_PREFIX, eventKey, SCHEMA_KEY, TIP_KEY } from '../../../keys/index.js';
import { STORE_ID_BYTES } from '../format/tip.js';
import { ByteReader, fixed32, startsWith } from './bytes.js';

const HEADER_BYTES = 12;
const DELETE = 0;
const PUT = 1;

const TIP_PUT = Buffer.from(`\x01\x08${TIP_KEY}`, 'latin1');
const BEFORE_STORE = Buffer.from('\x83\x01\xa6\x65store\x50', 'latin1');
const BEFORE_SEQ = Buffer.from('\x63seq\x1b', 'latin1');
const LENGTH_BYTES_MAX = 5;

/** Only keys of `meta/event/` have this length. */
const EVENT_KEY_BYTES = eventKey(0n).length;
const EVENT_START = Buffer.from(EVENT_PREFIX, 'latin1');
const SCHEMA = Buffer.from(SCHEMA_KEY, 'latin1');
/** Upper bound of a schema record that is kept; a real one has some 100 bytes. */
const SCHEMA_BYTES_MAX = 64 * 1024;

/** Bytes at the beginning of a batch that contain its store id and seq. */
export const BATCH_HEAD_BYTES =
  HEADER_BYTES + TIP_PUT.length + LENGTH_BYTES_MAX + BEFORE_STORE.length + STORE_ID_BYTES + BEFORE_SEQ.length + 8;

/** The fixed bytes at the beginning of a batch of a store: the put of `meta/tip`. */
export const BATCH_FIXED = { at: HEADER_BYTES, bytes: TIP_PUT } as const;

/** The store id and seq at the beginning of a tip record. */
export interface TipHead {
  readonly store: Uint8Array;
  readonly seq: bigint;
}

/** Reads the beginning of a batch; undefined if it is not a batch of a store. */
export function batchTip(head: Uint8Array): TipHead | undefined {
  if (!startsWith(head, HEADER_BYTES, TIP_PUT)) return undefined;
  const reader = new ByteReader(head, HEADER_BYTES + TIP_PUT.length);
  if (reader.varint() === undefined) return undefined;
  return tipHead(head.subarray(reader.at));
}

/** Reads the beginning of a tip record; undefined if `value` is not one. */
export function tipHead(value: Uint8Array): TipHead | undefined {
  const storeAt = BEFORE_STORE.length;
  const seqAt = storeAt + STORE_ID_BYTES + BEFORE_SEQ.length;
  if (value.length < seqAt + 8 || !startsWith(value, 0, BEFORE_STORE)) return undefined;
  if (!startsWith(value, storeAt + STORE_ID_BYTES, BEFORE_SEQ)) return undefined;
  const seq = new DataView(value.buffer, value.byteOffset + seqAt, 8).getBigUint64(0);
  return { store: copyOf(value.subarray(storeAt, storeAt + STORE_ID_BYTES)), seq };
}

/**
 * A byte that is the same in batches of all programs: the highest byte of the sequence, which is
 * below 2^56.
 */
export const OTHER_BATCH_FIXED = { at: 7, bytes: Uint8Array.of(0) } as const;

/**
 * True if `head` may begin a batch of any program: a sequence below 2^56, at least one operation,
 * and the first one a put or a delete.
 */
export function mayBeBatch(head: Uint8Array): boolean {
  const tag = head[HEADER_BYTES];
  return (tag === PUT || tag === DELETE) && head[7] === 0 && fixed32(head, 8) > 0;
}

/** The part of a batch that a {@link BatchParser} expects next. */
type Expect = 'header' | 'tag' | 'key-length' | 'key' | 'value-length' | 'value';

/**
 * Parses batches incrementally, without keeping their values, except that of `meta/schema`. Call
 * {@link BatchParser.begin} for each batch.
 */
export class BatchParser {
  readonly #head = new Uint8Array(BATCH_HEAD_BYTES);
  #bytes = 0;
  #found = 0;
  #expect: Expect = 'header';
  #isPut = false;
  /** Remaining bytes of the current key, value or header. */
  #rest = HEADER_BYTES;
  #length = 0;
  #shift = 0;
  #fault: string | undefined;
  /** The current key, if it has the length of one that is looked for. */
  readonly #key = new Uint8Array(EVENT_KEY_BYTES);
  #hasEvent = false;
  #isSchema = false;
  #schema: Uint8Array | null | undefined;

  /**
   * True if the batch records an event, an action of an operator or a migration. Only such a batch
   * may skip sequence numbers.
   */
  get hasEvent(): boolean {
    return this.#hasEvent;
  }

  /**
   * The last value of `meta/schema` in the batch: null if it is deleted or larger than any schema,
   * undefined if the batch does not change it.
   */
  get schema(): Uint8Array | null | undefined {
    return this.#schema;
  }

  /** Bytes of the batch received so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The first bytes of the batch, as far as received. */
  get head(): Uint8Array {
    return this.#head.subarray(0, Math.min(this.#bytes, BATCH_HEAD_BYTES));
  }

  /** Begins the next batch. */
  begin(): void {
    this.#bytes = 0;
    this.#found = 0;
    this.#expect = 'header';
    this.#isPut = false;
    this.#rest = HEADER_BYTES;
    this.#length = 0;
    this.#shift = 0;
    this.#fault = undefined;
    this.#hasEvent = false;
    this.#isSchema = false;
    this.#schema = undefined;
  }

  add(bytes: Uint8Array): void {
    if (this.#bytes < BATCH_HEAD_BYTES) this.#head.set(bytes.subarray(0, BATCH_HEAD_BYTES - this.#bytes), this.#bytes);
    this.#bytes += bytes.length;
    for (let at = 0; at < bytes.length && this.#fault === undefined; ) at = this.#step(bytes, at);
  }

  /** Ends the batch. Returns its fault, or undefined if LevelDB can apply all of it. */
  end(): string | undefined {
    if (this.#fault !== undefined) return this.#fault;
    if (this.#expect !== 'tag') return 'it ends inside an operation';
    const count = fixed32(this.#head, 8);
    return count === this.#found ? undefined : `its header says ${count} operations, but it has ${this.#found}`;
  }

  /** Consumes the expected part from `bytes` at `at`; returns the offset of the next part. */
  #step(bytes: Uint8Array, at: number): number {
    switch (this.#expect) {
      case 'tag':
        return this.#tag(bytes[at]!, at);
      case 'key-length':
      case 'value-length':
        return this.#lengthByte(bytes[at]!, at);
      default: {
        const taken = Math.min(this.#rest, bytes.length - at);
        if (this.#expect === 'key') {
          if (this.#length === EVENT_KEY_BYTES || this.#length === SCHEMA.length) {
            this.#key.set(bytes.subarray(at, at + taken), this.#length - this.#rest);
          }
        } else if (this.#expect === 'value' && this.#isSchema) {
          this.#schema?.set(bytes.subarray(at, at + taken), this.#length - this.#rest);
        }
        this.#rest -= taken;
        if (this.#rest === 0) this.#next();
        return at + taken;
      }
    }
  }

  #tag(tag: number, at: number): number {
    if (tag !== PUT && tag !== DELETE) this.#fault = `an operation of unknown kind ${tag}`;
    this.#found++;
    this.#isPut = tag === PUT;
    this.#expectLength('key-length');
    return at + 1;
  }

  #lengthByte(byte: number, at: number): number {
    this.#length += (byte & 0x7f) * 2 ** this.#shift;
    this.#shift += 7;
    if (byte >= 0x80) {
      if (this.#shift >= 35) this.#fault = 'a length that is not a 32-bit number';
    } else {
      this.#expect = this.#expect === 'key-length' ? 'key' : 'value';
      this.#rest = this.#length;
      if (this.#expect === 'value' && this.#isSchema) {
        this.#schema = this.#length > SCHEMA_BYTES_MAX ? null : new Uint8Array(this.#length);
      }
      if (this.#rest === 0) this.#next();
    }
    return at + 1;
  }

  /** Called at the end of the header, a key or a value. */
  #next(): void {
    if (this.#expect === 'key') {
      if (this.#length === EVENT_KEY_BYTES && startsWith(this.#key, 0, EVENT_START)) this.#hasEvent = true;
      this.#isSchema = this.#length === SCHEMA.length && startsWith(this.#key, 0, SCHEMA);
      if (this.#isSchema && !this.#isPut) this.#schema = null;
    }
    if (this.#expect === 'key' && this.#isPut) this.#expectLength('value-length');
    else this.#expect = 'tag';
  }

  #expectLength(what: 'key-length' | 'value-length'): void {
    this.#expect = what;
    this.#length = 0;
    this.#shift = 0;
  }
}
