/** The operations of a batch. */
import { bytesOfKey, type EntryKeys } from '../../../keys/entry-keys.js';
import { type EncodedBody, sealRecord } from './record.js';
import { encodeReference, type ValueRef } from './value-ref.js';

/**
 * A put, encoded when its round was accepted. Do not clone it: the record of an entry is a getter.
 */
export interface Put {
  readonly type: 'put';
  readonly key: string;
  readonly value: Uint8Array;
  /** The decoded reference, if `value` is a reference to a separated value. */
  readonly reference?: ValueRef | undefined;
}

/** A put of the anchor or of the node's inner state, of which a store has one each. */
export interface SinglePut extends Put {
  readonly crc: number;
}

/** A delete. */
export interface Delete {
  readonly type: 'del';
  readonly key: string;
}

/** One operation of a batch. Do not clone it: the key of an entry is a getter. */
export type Operation = Put | Delete;

/**
 * An operation on one entry of a log. The text of its key is made on demand: a batch has hundreds
 * of operations, and most need only the bytes of the key.
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
 * A put of an entry. The body becomes a record when the record is first read: the crc of a large
 * record is computed while the records before it are being written.
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

  /** Bytes of the value; reading this does not make the record. */
  get bytes(): number {
    return this.#value.length;
  }

  /** Completes the record now, and returns it. */
  seal(): Uint8Array {
    sealRecord(this.keys.bytes(this.number), this.#value);
    this.#isSealed = true;
    return this.#value;
  }

  /** The record is in a value file: from now on this is a put of its reference. */
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

/** The bytes of an operation's key. Copy them at once: the next call may overwrite them. */
export function keyBytes(operation: Operation): Uint8Array {
  return operation instanceof EntryOperation ? operation.keys.bytes(operation.number) : bytesOfKey(operation.key);
}
