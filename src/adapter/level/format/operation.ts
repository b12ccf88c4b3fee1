/** The operations of a batch. */
import { bytesOfKey, type EntryKeys } from '../../../keys/entry-keys.js';
import { type EncodedBody, sealRecord } from './record.js';
import { encodeReference, type ValueRef } from './value-ref.js';

/** A put, encoded when its round was accepted. Not to be cloned: an entry's record is a getter. */
export interface Put {
  readonly type: 'put';
  readonly key: string;
  readonly value: Uint8Array;
  /** What `value` refers to, if it is a reference to a separated value. */
  readonly reference?: ValueRef | undefined;
}

/** A put of a record of which there is one: the anchor, or the node's inner state. */
export interface SinglePut extends Put {
  readonly crc: number;
}

/** A delete. */
export interface Delete {
  readonly type: 'del';
  readonly key: string;
}

/** One operation of a batch. Not to be cloned: the key of an entry's is a getter. */
export type Operation = Put | Delete;

/**
 * What is done to one entry of a log. A batch has hundreds of them and most go straight to LevelDB: the text of a key is made
 * on demand only.
 */
class EntryOperation {
  readonly keys: EntryKeys;
  readonly number: bigint;

  constructor(keys: EntryKeys, number: bigint) {
    this.keys = keys;
    this.number = number;
  }

  get key(): string {
    return this.keys.text(this.number);
  }
}

/**
 * A put of an entry. Its body becomes the record of its key when the record is first asked for: the crc of a large one is
 * taken while those before it are on their way to the disk.
 */
export class EntryPut extends EntryOperation implements Put {
  readonly type = 'put';
  #value: Uint8Array;
  #isSealed = false;
  #reference: ValueRef | undefined;

  constructor(keys: EntryKeys, number: bigint, body: EncodedBody) {
    super(keys, number);
    this.#value = body;
  }

  get value(): Uint8Array {
    return this.#isSealed ? this.#value : this.seal();
  }

  get reference(): ValueRef | undefined {
    return this.#reference;
  }

  /** Bytes of the value; asking for them does not make the record. */
  get bytes(): number {
    return this.#value.length;
  }

  /** Makes the record now. */
  seal(): Uint8Array {
    sealRecord(this.keys.bytes(this.number), this.#value);
    this.#isSealed = true;
    return this.#value;
  }

  /** The record went to a value file: from now on the put is that of a reference to it. */
  separate(reference: ValueRef): void {
    this.#value = encodeReference(this.key, reference);
    this.#isSealed = true;
    this.#reference = reference;
  }
}

/** A delete of an entry. */
export class EntryDelete extends EntryOperation implements Delete {
  readonly type = 'del';
}

/** The bytes of an operation's key, in memory that the next call may write over: copy them at once. */
export function keyBytes(operation: Operation): Uint8Array {
  return operation instanceof EntryOperation ? operation.keys.bytes(operation.number) : bytesOfKey(operation.key);
}
