/**
 * The validators of an epoch, and the weights of quorums (the original at 73f917bbd,
 * sei-tendermint/internal/autobahn/types/committee.go).
 */
import { withMethods } from '../../../base/options.js';
import { LanestoreError } from '../../../errors.js';
import { type LaneId, laneIdOf, U64_MAX } from '../../../keys/index.js';
import { checkedCopy, ValidatorKeys } from '../validators.js';
import { LANE_BYTES, laneParts } from './lane.js';
import type { Lane, PublicKey } from './types.js';

/** Upper bound of the validators in a committee. */
export const VALIDATORS_MAX = 100;

/** A validator's lane and the weight of its vote. */
export interface Member {
  /** 40 bytes; the first 32 are the validator's key. */
  readonly lane: Lane;
  /** u64; a validator of weight 0 is left out. */
  readonly weight: bigint;
}

/** The weight that may be faulty: floor((total-1)/3). */
export function faultyWeight(total: bigint): bigint {
  return (total - 1n) / 3n;
}

/**
 * The validators of an epoch. A committee caches tables for fast verification, about 100 KiB for
 * each validator. So create a committee once and reuse it.
 */
export class Committee {
  /** Ascending by lane. */
  readonly members: readonly Member[];
  /** The weight of all validators. */
  readonly weight: bigint;
  /** Weight of votes for a CommitQC, PrepareQC, AppQC or TimeoutQC: all but the faulty weight. */
  readonly quorum: bigint;
  /** Weight of the votes for a LaneQC: more than the faulty weight. */
  readonly laneQuorum: bigint;
  readonly #voters: ValidatorKeys;
  readonly #lanes: ReadonlySet<LaneId>;
  readonly #weights: ReadonlyMap<string, bigint>;

  /**
   * @param members in any order; they are copied.
   * @throws LANESTORE_INVALID if no validator has a weight, if there are more than 100, for a
   * duplicate key, a lane of a wrong length, or weights whose sum exceeds a u64.
   */
  constructor(members: Iterable<Member>) {
    const copies = Array.from(members, ({ lane, weight }) => ({ lane: checkedCopy(lane, LANE_BYTES), weight }));
    this.members = copies.filter(({ weight }) => weight > 0n).sort((a, b) => Buffer.compare(a.lane, b.lane));
    if (this.members.length > VALIDATORS_MAX) {
      throw new LanestoreError('LANESTORE_INVALID', `a committee has at most ${VALIDATORS_MAX} validators`);
    }
    const keys = this.members.map(({ lane }) => laneParts(lane).key);
    this.#voters = new ValidatorKeys(keys);
    this.#lanes = new Set(this.members.map(({ lane }) => laneIdOf(lane)));
    this.#weights = new Map(this.members.map(({ weight }, i) => [laneIdOf(keys[i]!), weight]));
    this.weight = this.members.reduce((sum, { weight }) => sum + weight, 0n);
    if (this.weight > U64_MAX) throw new LanestoreError('LANESTORE_INVALID', 'committee: the weights overflow 64 bits');
    const faulty = faultyWeight(this.weight);
    this.quorum = this.weight - faulty;
    this.laneQuorum = faulty + 1n;
  }

  /** Number of validators. */
  get size(): number {
    return this.members.length;
  }

  /** True if `key` is a validator's. */
  has(key: PublicKey): boolean {
    return this.#voters.has(key);
  }

  /** True if `lane` is a validator's: its key, and the epoch in which it joined. */
  hasLane(lane: Lane): boolean {
    return this.#lanes.has(laneIdOf(lane));
  }

  /** The weight of a validator's vote; 0 if no validator has the key. */
  weightOf(key: PublicKey): bigint {
    return this.#weights.get(laneIdOf(key)) ?? 0n;
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
export const checkCommittee = withMethods<Committee>('a Committee', 'has', 'hasLane', 'weightOf', 'verifies');
