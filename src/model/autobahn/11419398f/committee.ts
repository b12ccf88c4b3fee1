/**
 * The validators that may vote, and the sizes of quorums (the original at 11419398f,
 * sei-tendermint/internal/autobahn/types/committee.go).
 */
import { withMethods } from '../../../base/options.js';
import { checkedCopy, ValidatorKeys } from '../validators.js';
import type { Lane, PublicKey } from './types.js';

/**
 * The number of validators that may be faulty: f = floor((N-1)/3).
 * @throws TypeError unless `validators` is a positive integer.
 */
export function faulty(validators: number): number {
  if (!Number.isSafeInteger(validators) || validators < 1) {
    throw new TypeError(`validators must be a positive integer, got ${validators}`);
  }
  return Math.floor((validators - 1) / 3);
}

/**
 * Number of votes for a CommitQC, PrepareQC, AppQC or TimeoutQC: N-f.
 * @throws TypeError as {@link faulty}.
 */
export function quorum(validators: number): number {
  return validators - faulty(validators);
}

/**
 * Number of votes for a LaneQC: f+1, so that at least one honest validator holds the block.
 * @throws TypeError as {@link faulty}.
 */
export function laneQuorum(validators: number): number {
  return faulty(validators) + 1;
}

/**
 * The validators of a network. Each has one vote, and one lane, which is named by its key.
 *
 * A committee caches tables for fast verification, about 100 KiB for each validator. So create a
 * committee once and reuse it.
 */
export class Committee {
  /** The validators' keys, ascending. */
  readonly keys: readonly PublicKey[];
  /** Number of votes for a CommitQC, PrepareQC, AppQC or TimeoutQC: N-f. */
  readonly quorum: number;
  /** Number of votes for a LaneQC: f+1. */
  readonly laneQuorum: number;
  readonly #voters: ValidatorKeys;

  /**
   * @param keys in any order; they are copied.
   * @throws LANESTORE_INVALID if there is no key, one of a wrong length, or a duplicate; TypeError
   * if one is not a Uint8Array.
   */
  constructor(keys: Iterable<PublicKey>) {
    this.keys = Array.from(keys, (key) => checkedCopy(key)).sort(Buffer.compare);
    this.#voters = new ValidatorKeys(this.keys);
    this.quorum = quorum(this.keys.length);
    this.laneQuorum = laneQuorum(this.keys.length);
  }

  /** Number of validators. */
  get size(): number {
    return this.keys.length;
  }

  /** True if `key` is a validator's, and so names a lane. */
  has(key: PublicKey): boolean {
    return this.#voters.has(key);
  }

  /** True if `lane` is a validator's: the same as {@link has}. */
  hasLane(lane: Lane): boolean {
    return this.has(lane);
  }

  /**
   * True if `sig` is the signature on `hash` of the validator with this key; false if no validator
   * has the key.
   */
  verifies(key: PublicKey, hash: Uint8Array, sig: Uint8Array): boolean {
    return this.#voters.verifies(key, hash, sig);
  }
}

/** Checks for a committee; accepts one of another copy of this package. */
export const checkCommittee = withMethods<Committee>('a Committee', 'has', 'hasLane', 'verifies');
