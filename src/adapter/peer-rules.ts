/**
 * What answers of peers are enough for. A validator whose store is older than its signatures asks
 * the others how far they are; the model tells from that how far it may have signed (bounds).
 * Pure.
 */
import { hex } from '../base/bytes.js';
import { LanestoreError } from '../errors.js';
import { maxU64 } from '../keys/index.js';
import type { PeerAnswer } from './persistence.js';

/** Answers of others that are needed: N-f, f of which may be lies. */
export function answersNeeded(validators: number): number {
  return validators - Math.floor((validators - 1) / 3);
}

/** What the peers have reached. */
export interface PeersReached {
  /** The highest road index that one of them expects next. */
  readonly next: bigint;
  /**
   * The number after the last message of the own lane that one of them ever received; undefined
   * unless every other validator has told it.
   */
  readonly own: bigint | undefined;
}

/**
 * Sums up answers, by validator in hex; those of no validator are ignored.
 * @throws LANESTORE_INVALID if they are too few, or could never be enough.
 */
export function reachedBy(
  signer: Uint8Array,
  validators: readonly Uint8Array[],
  answers: ReadonlyMap<string, PeerAnswer>,
): PeersReached {
  const keys = new Set(validators.map(hex));
  if (!keys.delete(hex(signer))) throw invalid(`the key ${hex(signer)} is none of the ${validators.length} validators`);
  const needed = answersNeeded(keys.size + 1);
  if (needed > keys.size) {
    throw invalid(`of ${keys.size + 1} validators, ${needed} others would have to answer: peers prove nothing here`);
  }
  const given = [...keys].flatMap((key) => answers.get(key) ?? []);
  if (given.length < needed) {
    throw invalid(`${given.length} of ${keys.size} other validators have answered, ${needed} are needed`);
  }
  const owns = given.flatMap(({ own }) => own ?? []);
  return {
    next: given.map(({ next }) => next).reduce(maxU64),
    own: owns.length === keys.size ? owns.reduce(maxU64) : undefined,
  };
}

function invalid(what: string): LanestoreError {
  return new LanestoreError('LANESTORE_INVALID', `answers of peers: ${what}`, {
    remedy: 'nothing was changed; leave the node running until its peers have answered, see docs/signing-safety.md',
  });
}
