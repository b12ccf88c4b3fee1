/** Verifies a node's inner state: every signature in it, which together cover its whole content. */
import { LanestoreError } from '../../../errors.js';
import { prepareQCsOf, signedPartsOf } from '../inner.js';
import type { Epochs } from './epochs.js';
import { messageHash } from './hash.js';
import { verifySignature } from './sign.js';
import type { PersistedInner, Proposal, TimeoutVote } from './types.js';
import { checkEpochOf, verifyCommitQC, verifyPrepareQC, verifySigned } from './verify.js';

/**
 * Verifies that each signature was made with its key; with epochs, also that each QC has its
 * quorum, that a validator signed each vote, and that each is of the epoch of its road index. Does
 * not verify that the parts belong to one view, or that the votes are the node's own.
 * @throws LANESTORE_VERIFY naming the part.
 */
export function verifyInner(inner: PersistedInner, epochs?: Epochs): void {
  const { commitQC } = inner;
  if (epochs !== undefined) {
    if (commitQC !== undefined) verifyCommitQC(commitQC, epochs.at(commitQC.vote.view.index));
    for (const qc of prepareQCsOf(inner)) verifyPrepareQC(qc, epochs.at(qc.vote.view.index));
  }
  for (const { name, msg, sigs } of signedPartsOf<Proposal, TimeoutVote>(inner)) {
    const epoch = epochs?.at(msg.value.view.index);
    if (epoch !== undefined) checkEpochOf(msg.value.view, epoch, `inner.${name}`);
    const hash = messageHash(msg);
    for (const sig of sigs) {
      if (epoch !== undefined) verifySigned(msg, sig, epoch.committee);
      else if (!verifySignature(sig, hash)) {
        throw new LanestoreError('LANESTORE_VERIFY', `inner.${name}: a signature is invalid`);
      }
    }
  }
}
