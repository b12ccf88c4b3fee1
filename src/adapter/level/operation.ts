/** The operations of a batch. */
import { bytesOfKey, type EntryKeys } from '../../keys/entry-keys.js';
import type { Reference } from './values/reference.js';

/** A put, encoded when the round was accepted. */
export interface Put {
  readonly type: 'put';
  readonly key: string;
  readonly value: Uint8Array;
  /** What `value` refers to, if it is a reference to a separated value. */
  readonly reference?: Reference;
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

/** A put of an entry. */
export class EntryPut extends EntryOperation implements Put {
  readonly type = 'put';
  readonly value: Uint8Array;

  constructor(keys: EntryKeys, number: bigint, value: Uint8Array) {
    super(keys, number);
    this.value = value;
  }
}

/** A delete of an entry. */
export class EntryDelete extends EntryOperation implements Delete {
  readonly type = 'del';
}

/** The bytes of an operation's key, in memory that the next call may write over: for who copies them at once. */
export function keyBytes(operation: Operation): Uint8Array {
  return operation instanceof EntryOperation ? operation.keys.bytes(operation.number) : bytesOfKey(operation.key);
}
