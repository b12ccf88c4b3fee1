/**
 * Counts the votes for one place, such as a block number. Each validator has one vote. A candidate
 * with enough votes has a quorum.
 */
import { type LaneId, laneIdOf } from '../keys/index.js';
import type { Signature } from '../model/autobahn/index.js';

/**
 * The result of a vote. An equivocation is a validator's second vote, for another candidate; it is
 * not counted.
 */
export type Counted = 'counted' | 'known' | 'equivocation';

/** A candidate with its signatures, in order of arrival. */
export interface Candidate<T> {
  readonly vote: T;
  readonly sigs: readonly Signature[];
}

/** The votes for one place. The caller must have verified the signatures. */
export class Tally<T> {
  readonly #bySigner = new Map<LaneId, string>();
  readonly #byHash = new Map<string, { readonly vote: T; readonly sigs: Signature[] }>();

  /**
   * The result that `add` would give, so that the caller can skip the verification of a known vote.
   */
  wouldBe(hash: string, signer: Uint8Array): Counted {
    const voted = this.#bySigner.get(laneIdOf(signer));
    if (voted === undefined) return 'counted';
    return voted === hash ? 'known' : 'equivocation';
  }

  /** Counts a vote for the candidate whose hash is `hash` (hex). */
  add(hash: string, vote: T, sig: Signature): Counted {
    const result = this.wouldBe(hash, sig.key);
    if (result !== 'counted') return result;
    this.#bySigner.set(laneIdOf(sig.key), hash);
    const candidate = this.#byHash.get(hash);
    if (candidate === undefined) this.#byHash.set(hash, { vote, sigs: [sig] });
    else candidate.sigs.push(sig);
    return 'counted';
  }

  /** The candidate whose hash is `hash` (hex), if there is a vote for it. */
  candidate(hash: string): Candidate<T> | undefined {
    return this.#byHash.get(hash);
  }

  /**
   * The candidate with at least `quorum` votes, if there is one. With honest voters, only one
   * candidate can reach a quorum.
   */
  winner(quorum: number): Candidate<T> | undefined {
    for (const candidate of this.#byHash.values()) if (candidate.sigs.length >= quorum) return candidate;
    return undefined;
  }
}
