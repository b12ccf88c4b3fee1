/** Verifies a node's inner state: every signature in it, which together cover its whole content. */
import { LanestoreError } from '../../../errors.js';
import type { Committees } from './committees.js';
import { messageHash } from './hash.js';
import { verifySignature } from './sign.js';
import type { Msg, PersistedInner, PrepareQC, Signature } from './types.js';
import { verifyCommitQC, verifyPrepareQC, verifySignedMsg } from './verify.js';

/** A message in the inner state, with its signatures. */
interface SignedPart {
  readonly name: string;
  readonly msg: Msg;
  readonly sigs: readonly Signature[];
  /** The road index of its view. */
  readonly index: bigint;
}

/**
 * Verifies that each signature was made with its key; with committees, also that each QC has its
 * quorum and that a validator signed each vote. Does not verify that the parts belong to one view,
 * or that the votes are the node's own.
 * @throws LANESTORE_VERIFY naming the part.
 */
export function verifyInner(inner: PersistedInner, committees?: Committees): void {
  const { commitQC } = inner;
  if (commitQC !== undefined && committees !== undefined) {
    verifyCommitQC(commitQC, committees.at(commitQC.vote.view.index));
  }
  for (const qc of prepareQCsOf(inner)) {
    if (committees !== undefined) verifyPrepareQC(qc, committees.at(qc.vote.view.index));
  }
  for (const { name, msg, sigs, index } of partsOf(inner)) {
    const committee = committees?.at(index);
    const hash = messageHash(msg);
    for (const sig of sigs) {
      if (committee !== undefined) verifySignedMsg({ msg, sig }, committee);
      else if (!verifySignature(sig, hash)) {
        throw new LanestoreError('LANESTORE_VERIFY', `inner.${name}: a signature is invalid`);
      }
    }
  }
}

function prepareQCsOf({ prepareQC, timeoutQC, timeoutVote }: PersistedInner): PrepareQC[] {
  return [prepareQC, timeoutQC?.latestPrepareQC, timeoutVote?.latestPrepareQC].filter((qc) => qc !== undefined);
}

function* partsOf(inner: PersistedInner): Generator<SignedPart, void, void> {
  const { commitQC, commitVote, prepareVote, timeoutQC, timeoutVote } = inner;
  const indexOf = ({ view }: { readonly view: { readonly index: bigint } }) => view.index;
  if (commitQC !== undefined) {
    const { vote, sigs } = commitQC;
    yield { name: 'commitQC', msg: { kind: 'commitVote', value: vote }, sigs, index: indexOf(vote) };
  }
  for (const { vote, sigs } of prepareQCsOf(inner)) {
    yield { name: 'prepareQC', msg: { kind: 'prepareVote', value: vote }, sigs, index: indexOf(vote) };
  }
  if (commitVote !== undefined) {
    const { msg, sig } = commitVote;
    yield { name: 'commitVote', msg: { kind: 'commitVote', value: msg }, sigs: [sig], index: indexOf(msg) };
  }
  if (prepareVote !== undefined) {
    const { msg, sig } = prepareVote;
    yield { name: 'prepareVote', msg: { kind: 'prepareVote', value: msg }, sigs: [sig], index: indexOf(msg) };
  }
  for (const { msg, sig } of [...(timeoutQC?.votes ?? []), ...(timeoutVote === undefined ? [] : [timeoutVote.vote])]) {
    yield { name: 'timeoutVote', msg: { kind: 'timeoutVote', value: msg }, sigs: [sig], index: indexOf(msg) };
  }
}
