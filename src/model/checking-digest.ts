/**
 * Digests that check their vote in the same pass. Every round with votes waits for both, so a store
 * and a guard then leave out the call of `check`.
 */
import type { VoteModel } from './model.js';

type Check = VoteModel<never, never, unknown>['check'];
type Digest<Vote> = VoteModel<Vote, never, unknown>['digest'];

/**
 * The check that each such digest includes. Not a property of the model: in a model that is made of
 * another one, with a check or a digest of its own, it would be left over.
 */
const included = new WeakMap<Digest<never>, Check>();

/**
 * Notes that `digest` throws what `check` throws, and returns memory that nothing else writes to:
 * it is not copied. Returns `digest`.
 */
export function includingCheck<Vote>(digest: Digest<Vote>, check: (vote: Vote) => void): Digest<Vote> {
  included.set(digest, check);
  return digest;
}

/** True if the digest of these votes includes their check. */
export function includesCheck({ check, digest }: { readonly check: Check; readonly digest: Digest<never> }): boolean {
  return included.get(digest) === check;
}
