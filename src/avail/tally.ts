/** Counting the votes for one place: each validator has one vote, and votes for the same thing add up to a quorum. */
import { type LaneId, laneIdOf } from '../keys/index.js';
import type { Signature } from '../model/autobahn/index.js';

/** What became of a vote. An equivocation is a second vote of one validator for something else; it is not counted. */
export type Counted = 'counted' | 'known' | 'equivocation';

/** A candidate with the signatures for it, in the order in which they came. */
export interface Candidate<T> {
  readonly vote: T;
  readonly sigs: readonly Signature[];
}

/** The votes for one place. Signatures have been verified by the caller. */
export class Tally<T> {
  readonly #bySigner = new Map<LaneId, string>();
  readonly #byHash = new Map<string, { readonly vote: T; readonly sigs: Signature[] }>();

  /** What would become of that vote, so that a known one need not be verified. */
  wouldBe(hash: string, signer: Uint8Array): Counted {
    const voted = this.#bySigner.get(laneIdOf(signer));
    if (voted === undefined) return 'counted';
    return voted === hash ? 'known' : 'equivocation';
  }

  /** Counts a vote for what has the hash `hash` (hex). */
  add(hash: string, vote: T, sig: Signature): Counted {
    const result = this.wouldBe(hash, sig.key);
    if (result !== 'counted') return result;
    this.#bySigner.set(laneIdOf(sig.key), hash);
    const candidate = this.#byHash.get(hash);
    if (candidate === undefined) this.#byHash.set(hash, { vote, sigs: [sig] });
    else candidate.sigs.push(sig);
    return 'counted';
  }

  /** The candidate with the hash `hash`, if anybody voted for it. */
  candidate(hash: string): Candidate<T> | undefined {
    return this.#byHash.get(hash);
  }

  /** The candidate with at least `quorum` votes; quorums are such that there can be only one among honest voters. */
  winner(quorum: number): Candidate<T> | undefined {
    for (const candidate of this.#byHash.values()) if (candidate.sigs.length >= quorum) return candidate;
    return undefined;
  }
}
