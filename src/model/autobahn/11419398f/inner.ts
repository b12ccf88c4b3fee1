/** Whether a node's inner state holds: every signature in it, which together cover all of its content. */
import { LanestoreError } from '../../../errors.js';
import type { Committees } from './committees.js';
import { messageHash } from './hash.js';
import { verifySignature } from './sign.js';
import type { Msg, PersistedInner, PrepareQC, Signature } from './types.js';
import { verifyCommitQC, verifyPrepareQC, verifySignedMsg } from './verify.js';

/** A message in the inner state, and who signed it. */
interface SignedPart {
  readonly name: string;
  readonly msg: Msg;
  readonly sigs: readonly Signature[];
  /** The road index of its view. */
  readonly index: bigint;
}

/**
 * Checks the signatures: each is its key's; with committees, QCs have their quorum and votes are of a validator. That the parts belong to one
 * view, and that the votes are the node's own, is not checked.
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
        throw new LanestoreError('LANESTORE_VERIFY', `inner.${name}: a signature does not hold`);
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
