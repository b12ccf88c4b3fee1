/** The operations of a batch. */
import { bytesOfKey, type EntryKeys } from '../../../keys/entry-keys.js';
import { type EncodedBody, sealRecord } from './record.js';
import type { ValueRef } from './value-ref.js';

/** A put, encoded when the round was accepted. Not to be cloned: an entry's record is a getter. */
export interface Put {
  readonly type: 'put';
  readonly key: string;
  readonly value: Uint8Array;
  /** What `value` refers to, if it is a reference to a separated value. */
  readonly reference?: ValueRef;
}

/** A delete. */
export interface Delete {
  readonly type: 'del';
  readonly key: string;
}

/** One operation of a batch. Not to be cloned: the key of an entry's is a getter. */
export type Operation = Put | Delete;

/**
 * What is done to one entry of a log. A batch has hundreds of them and most go straight to LevelDB: text is made of a key only for who asks
 * for it.
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
 * A put of an entry. Its body becomes the record of its key when the record is first asked for: the crc of large ones is taken while those before
 * them are on their way to the disk.
 */
export class EntryPut extends EntryOperation implements Put {
  readonly type = 'put';
  readonly #body: EncodedBody;
  #isSealed = false;

  constructor(keys: EntryKeys, number: bigint, body: EncodedBody) {
    super(keys, number);
    this.#body = body;
  }

  get value(): Uint8Array {
    return this.#isSealed ? this.#body : this.seal();
  }

  /** Bytes of the record; asking for them does not make it. */
  get bytes(): number {
    return this.#body.length;
  }

  /** Makes the record now. */
  seal(): Uint8Array {
    sealRecord(this.keys.bytes(this.number), this.#body);
    this.#isSealed = true;
    return this.#body;
  }
}

/** Bytes of the value that is put. */
export function valueBytes(put: Put): number {
  return put instanceof EntryPut ? put.bytes : put.value.length;
}

/** A delete of an entry. */
export class EntryDelete extends EntryOperation implements Delete {
  readonly type = 'del';
}

/** The bytes of an operation's key, in memory that the next call may write over: for who copies them at once. */
export function keyBytes(operation: Operation): Uint8Array {
  return operation instanceof EntryOperation ? operation.keys.bytes(operation.number) : bytesOfKey(operation.key);
}
