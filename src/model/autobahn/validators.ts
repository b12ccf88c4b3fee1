/** The keys of a committee's validators, and committees one after another. */
import { LanestoreError } from '../../errors.js';
import { entryNumber, type LaneId, laneIdOf } from '../../keys/index.js';
import type { RoadRange } from '../checks.js';
import { VerifyingKey } from './ed25519.js';
import { KEY_BYTES } from './sizes.js';
import type { Hash, Lane, PublicKey } from './types.js';
import type { Voters } from './verifying.js';

/** A set of keys that caches tables for fast verification, about 100 KiB for each key. */
export class ValidatorKeys implements Voters {
  readonly #verifying: ReadonlyMap<LaneId, { readonly encoded: PublicKey; key?: VerifyingKey }>;

  /**
   * @throws LANESTORE_INVALID for no key, a key of a wrong length, or a key that occurs twice;
   * TypeError if one is not a Uint8Array.
   */
  constructor(keys: readonly PublicKey[]) {
    if (keys.length === 0) throw new LanestoreError('LANESTORE_INVALID', 'a committee needs a validator');
    const verifying = new Map<LaneId, { readonly encoded: PublicKey; key?: VerifyingKey }>();
    for (const encoded of keys) {
      const id = laneIdOf(encoded);
      if (verifying.has(id)) {
        throw new LanestoreError('LANESTORE_INVALID', `committee: key ${id} occurs twice`);
      }
      verifying.set(id, { encoded });
    }
    this.#verifying = verifying;
  }

  has(key: PublicKey): boolean {
    return this.#verifying.has(laneIdOf(key));
  }

  verifies(key: PublicKey, hash: Hash, sig: Uint8Array): boolean {
    const validator = this.#verifying.get(laneIdOf(key));
    if (validator === undefined) return false;
    validator.key ??= new VerifyingKey(validator.encoded);
    return validator.key.verify(hash, sig);
  }
}

/**
 * A copy of a validator's key, or of a lane.
 * @throws TypeError, LANESTORE_INVALID for what is no byte string of that length.
 */
export function checkedCopy(key: Uint8Array, length = KEY_BYTES): Uint8Array {
  if (!(key instanceof Uint8Array)) throw new TypeError('a committee is made of keys, each a Uint8Array');
  if (key.length !== length) {
    throw new LanestoreError('LANESTORE_INVALID', `committee: a key is ${key.length} bytes long, must be ${length}`);
  }
  return new Uint8Array(key);
}

/** A committee and the first road index of its term, which ends before that of the next term. */
interface Term<C> {
  readonly from: bigint;
  readonly committee: C;
}

/**
 * Checks the terms of a network.
 * @throws LANESTORE_INVALID if there is none, if two have the same first road index, or if they do
 * not ascend.
 */
export function checkTerms(terms: readonly Term<unknown>[]): void {
  if (terms.length === 0) throw new LanestoreError('LANESTORE_INVALID', 'there is no committee');
  let last: bigint | undefined;
  for (const { from } of terms) {
    entryNumber(from, 'road index of a committee');
    if (last === from) {
      throw new LanestoreError('LANESTORE_INVALID', `two committees hold from road index ${from}: they overlap`);
    }
    if (last !== undefined && last > from) {
      throw new LanestoreError(
        'LANESTORE_INVALID',
        `the committee from road index ${from} is listed after that from ${last}: list them in ascending order`,
      );
    }
    last = from;
  }
}

/** The term of a road index. @throws LANESTORE_VERIFY if the first term begins later. */
export function termAt<T extends Term<unknown>>(terms: readonly T[], roadIndex: bigint): T {
  const term = terms.findLast(({ from }) => from <= roadIndex);
  if (term === undefined) {
    throw new LanestoreError(
      'LANESTORE_VERIFY',
      `no committee is given for road index ${roadIndex}: the first one holds from ${terms[0]?.from}`,
    );
  }
  return term;
}

/**
 * A committee with this lane whose term overlaps [roads.first, roads.next]. `next` is included: it
 * is the road index being decided, and no earlier one orders the newest blocks.
 * @throws LANESTORE_VERIFY if there is none.
 */
export function committeeOfLane<C>(
  terms: readonly Term<C>[],
  lane: Lane,
  { first, next }: RoadRange,
  hasLane: (committee: C) => boolean,
): C {
  for (const [i, { from, committee }] of terms.entries()) {
    const end = terms[i + 1]?.from;
    if (from <= next && (end === undefined || end > first) && hasLane(committee)) return committee;
  }
  throw new LanestoreError(
    'LANESTORE_VERIFY',
    `lane ${laneIdOf(lane)} is not one of the committees that hold at road indexes ${first} to ${next}`,
  );
}
