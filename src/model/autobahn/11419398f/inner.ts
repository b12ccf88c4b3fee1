/** Verifies a node's inner state: every signature in it, which together cover its whole content. */
import { LanestoreError } from '../../../errors.js';
import { prepareQCsOf, signedPartsOf } from '../inner.js';
import type { Committees } from './committees.js';
import { messageHash } from './hash.js';
import { verifySignature } from './sign.js';
import type { PersistedInner, Proposal, TimeoutVote } from './types.js';
import { verifyCommitQC, verifyPrepareQC, verifySignedMsg } from './verify.js';

/**
 * Verifies that each signature was made with its key; with committees, also that each QC has its
 * quorum and that a validator signed each vote. Does not verify that the parts belong to one view,
 * or that the votes are the node's own.
 * @throws LANESTORE_VERIFY naming the part.
 */
export function verifyInner(inner: PersistedInner, committees?: Committees): void {
  const { commitQC } = inner;
  if (committees !== undefined) {
    if (commitQC !== undefined) verifyCommitQC(commitQC, committees.at(commitQC.vote.view.index));
    for (const qc of prepareQCsOf(inner)) verifyPrepareQC(qc, committees.at(qc.vote.view.index));
  }
  for (const { name, msg, sigs } of signedPartsOf<Proposal, TimeoutVote>(inner)) {
    const committee = committees?.at(msg.value.view.index);
    const hash = messageHash(msg);
    for (const sig of sigs) {
      if (committee !== undefined) verifySignedMsg({ msg, sig }, committee);
      else if (!verifySignature(sig, hash)) {
        throw new LanestoreError('LANESTORE_VERIFY', `inner.${name}: a signature is invalid`);
      }
    }
  }
}
