/**
 * The keys of one log's entries: as text, and as bytes in a buffer that each key reuses. Not
 * exported from this room's index: a caller that mutated the shared buffer would corrupt keys.
 */
import { type LaneId, laneId, remembered } from './lane-id.js';
import { ANCHOR_KEY, INNER_KEY, LANE_FLOORS_KEY, LANE_PREFIX, QC_PREFIX, TIP_KEY, VOTES_KEY } from './registry.js';
import { entryNumber, isEntryNumber, padU64, U64_DIGITS } from './u64.js';

/** The last three digits of a number; the ones before them change once in a thousand entries. */
const LAST_DIGITS = Array.from({ length: 1000 }, (_, i) => i.toString().padStart(3, '0'));

/** Up to here a number is exact as a double, and much cheaper to split into digits. */
const SAFE_MAX = BigInt(Number.MAX_SAFE_INTEGER);

const ZERO = 48;

/**
 * Makes the keys of one log from the numbers of its entries. Every batch needs some for each lane,
 * so both forms keep what the next key shares.
 */
export class EntryKeys {
  /** Bytes of each key, which are its characters. */
  readonly length: number;
  readonly #prefix: string;
  /** What the numbers are, for errors. */
  readonly #what: string;
  /** The text up to the last three digits, and which thousands they belong to. */
  #stem = '';
  #thousands = -1;
  readonly #bytes: Uint8Array;
  #bytesThousands = -1;

  constructor(prefix: string, what: string) {
    this.#prefix = prefix;
    this.#what = what;
    this.length = prefix.length + U64_DIGITS;
    this.#bytes = utf8(prefix + padU64(0n));
  }

  /** The key of the entry `number`. @throws LANESTORE_INVALID for a number above 2^64-2. */
  text(number: bigint): string {
    if (!isEntryNumber(number) || number > SAFE_MAX) return this.#prefix + padU64(entryNumber(number, this.#what));
    const small = Number(number);
    const thousands = Math.floor(small / 1000);
    if (thousands !== this.#thousands) {
      this.#thousands = thousands;
      // Through bytes, because a string that was put together is taken apart again at every use.
      const stem = this.#prefix + thousands.toString().padStart(U64_DIGITS - 3, '0');
      this.#stem = Buffer.from(stem, 'latin1').toString('latin1');
    }
    return this.#stem + LAST_DIGITS[small - thousands * 1000];
  }

  /**
   * The bytes of {@link text}, in memory that the next call overwrites: the caller must copy them
   * first.
   * @throws as {@link text}.
   */
  bytes(number: bigint): Uint8Array {
    const bytes = this.#bytes;
    if (!isEntryNumber(number) || number > SAFE_MAX) {
      this.#bytesThousands = -1;
      bytes.set(utf8(this.text(number)));
      return bytes;
    }
    const small = Number(number);
    const thousands = Math.floor(small / 1000);
    if (thousands !== this.#bytesThousands) {
      bytes.set(utf8(this.text(number)));
      this.#bytesThousands = thousands;
      return bytes;
    }
    const last = small - thousands * 1000;
    const end = bytes.length;
    bytes[end - 3] = ZERO + Math.floor(last / 100);
    bytes[end - 2] = ZERO + (Math.floor(last / 10) % 10);
    bytes[end - 1] = ZERO + (last % 10);
    return bytes;
  }
}

/**
 * The keys of one lane's blocks: the lane is checked once, not with every key.
 * @throws LANESTORE_INVALID for a lane that is not lowercase hex.
 */
export const blockKeys: (lane: LaneId) => EntryKeys = remembered(
  (lane) => new EntryKeys(`${LANE_PREFIX}${laneId(lane)}/`, 'block number'),
);

/** The keys of the QC log. */
export const commitQCKeys = new EntryKeys(QC_PREFIX, 'road index');

/** The keys in batches other than those of entries. */
const SINGLE_KEYS = new Map(
  [TIP_KEY, ANCHOR_KEY, INNER_KEY, VOTES_KEY, LANE_FLOORS_KEY].map((key) => [key, utf8(key)]),
);

/** The bytes of a key. Do not modify them: the bytes of single keys are cached. */
export function bytesOfKey(key: string): Uint8Array {
  return SINGLE_KEYS.get(key) ?? utf8(key);
}

/**
 * Allocates separate memory, not from the pool that all small Buffers of the process share. Keys of
 * the store are ASCII, but a sweep may find a key with any text.
 */
function utf8(key: string): Uint8Array {
  return new Uint8Array(Buffer.from(key, 'utf8'));
}
