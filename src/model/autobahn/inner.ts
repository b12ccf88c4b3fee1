/**
 * The node's inner state, as all versions have it: every signature in it, which together cover its
 * whole content.
 */
import type { Certificate, InView, PersistedInnerOf, Signature, WithSignature } from './types.js';

/** A message of an inner state. */
export type InnerMsg<P, T> =
  | { readonly kind: 'prepareVote' | 'commitVote'; readonly value: P }
  | { readonly kind: 'timeoutVote'; readonly value: T };

/** A message in the inner state, with its signatures. */
export interface SignedPart<P, T> {
  readonly name: string;
  readonly msg: InnerMsg<P, T>;
  readonly sigs: readonly Signature[];
}

/** The PrepareQCs in it. */
export function prepareQCsOf<P extends InView, T extends InView>({
  prepareQC,
  timeoutQC,
  timeoutVote,
}: PersistedInnerOf<P, T>): Certificate<P>[] {
  return [prepareQC, timeoutQC?.latestPrepareQC, timeoutVote?.latestPrepareQC].filter((qc) => qc !== undefined);
}

/** The node's own votes in it: prepare vote, commit vote, timeout vote. */
export function ownVotesOf<P extends InView, T extends InView>({
  prepareVote,
  commitVote,
  timeoutVote,
}: PersistedInnerOf<P, T>): WithSignature<InnerMsg<P, T>>[] {
  const votes: WithSignature<InnerMsg<P, T>>[] = [];
  if (prepareVote !== undefined) votes.push({ ...prepareVote, msg: { kind: 'prepareVote', value: prepareVote.msg } });
  if (commitVote !== undefined) votes.push({ ...commitVote, msg: { kind: 'commitVote', value: commitVote.msg } });
  if (timeoutVote !== undefined) {
    const { vote } = timeoutVote;
    votes.push({ ...vote, msg: { kind: 'timeoutVote', value: vote.msg } });
  }
  return votes;
}

/** All messages with their signatures. */
export function* signedPartsOf<P extends InView, T extends InView>(
  inner: PersistedInnerOf<P, T>,
): Generator<SignedPart<P, T>, void, void> {
  const { commitQC, timeoutQC } = inner;
  if (commitQC !== undefined) {
    const { vote, sigs } = commitQC;
    yield { name: 'commitQC', msg: { kind: 'commitVote', value: vote }, sigs };
  }
  for (const { vote, sigs } of prepareQCsOf(inner)) {
    yield { name: 'prepareQC', msg: { kind: 'prepareVote', value: vote }, sigs };
  }
  for (const { msg, sig } of timeoutQC?.votes ?? []) {
    yield { name: 'timeoutVote', msg: { kind: 'timeoutVote', value: msg }, sigs: [sig] };
  }
  for (const { msg, sig } of ownVotesOf(inner)) yield { name: msg.kind, msg, sigs: [sig] };
}
