/**
 * Tracks the blocks of the own lane that a guard has signed, until the store holds them. Numbers
 * are signed in order, each for one block only.
 */
import type { VoteStore } from '../adapter/persistence.js';
import { LanestoreError } from '../errors.js';
import { type LaneId, maxU64 } from '../keys/index.js';

/** Upper bound of blocks of one lane that are signed and not durable yet. */
const PENDING_MAX = 1024;

interface Signed {
  last: bigint;
  /** By number: the digests that were signed and are not known to be durable. */
  readonly pending: Map<bigint, Uint8Array>;
}

/** See the top of this file. */
export class OwnLane<Block> {
  readonly #votes: VoteStore<Block>;
  readonly #lanes = new Map<LaneId, Signed>();

  constructor(votes: VoteStore<Block>) {
    this.#votes = votes;
  }

  /**
   * Reserves a number for a block that is about to be signed. Until that block is stored, the
   * number may be reserved for it again.
   * @throws LANESTORE_CONFLICT, LANESTORE_OUT_OF_SEQUENCE, LANESTORE_CAPACITY; then the block must
   * not be signed.
   */
  take(lane: LaneId, number: bigint, digest: Uint8Array): void {
    const signed = this.#lanes.get(lane);
    const pending = signed?.pending.get(number);
    const floor = this.#votes.planned.laneFloors.get(lane);
    if (floor !== undefined && number <= floor)
      throw conflict('floor', lane, number, `is at or below the floor ${floor}`);
    if (pending !== undefined) {
      if (Buffer.compare(pending, digest) === 0) return;
      throw conflict('differs', lane, number, 'is another one than the key has signed there');
    }
    const stored = this.#votes.nextBlock(lane);
    const next = maxU64(stored ?? 0n, signed === undefined ? 0n : signed.last + 1n);
    if (number < next) throw conflict('passed', lane, number, `is below the next one, ${next}`);
    // The store checks the first number of an empty lane, which the anchor or baseline gives.
    if (number > next && stored !== undefined) {
      throw new LanestoreError(
        'LANESTORE_OUT_OF_SEQUENCE',
        `block ${number} of the own lane leaves a gap: next is ${next}`,
        {
          remedy: 'sign the block that the message names as the next one; nothing was signed',
        },
      );
    }
    this.#add(lane, number, digest);
  }

  /** Records that the block is durable. */
  stored(lane: LaneId, number: bigint): void {
    this.#lanes.get(lane)?.pending.delete(number);
  }

  /** The digest that was signed under a number, if it is not known to be durable. */
  pending(lane: LaneId, number: bigint): Uint8Array | undefined {
    return this.#lanes.get(lane)?.pending.get(number);
  }

  #add(lane: LaneId, number: bigint, digest: Uint8Array): void {
    const signed = this.#lanes.get(lane) ?? { last: number, pending: new Map() };
    if (signed.pending.size >= PENDING_MAX) {
      throw new LanestoreError(
        'LANESTORE_CAPACITY',
        `${PENDING_MAX} blocks of the own lane are signed and not stored`,
        {
          remedy: 'nothing was signed; store them first',
        },
      );
    }
    signed.last = number;
    signed.pending.set(number, digest);
    this.#lanes.set(lane, signed);
  }
}

function conflict(kind: 'floor' | 'differs' | 'passed', lane: LaneId, number: bigint, what: string): LanestoreError {
  const detail = `block ${number} of the own lane ${lane} ${what}`;
  return new LanestoreError('LANESTORE_CONFLICT', detail, { findings: [{ kind, lane, number, detail }] });
}

/** LANESTORE_CONFLICT: the durable lane does not hold the signed block. */
export function notHeldError(lane: LaneId, number: bigint): LanestoreError {
  const name = `block ${number} of the own lane`;
  return new LanestoreError('LANESTORE_CONFLICT', `${name}: the durable lane does not hold the block that was signed`, {
    findings: [{ kind: 'differs', lane, number, detail: `${name} is not what the store holds` }],
  });
}
