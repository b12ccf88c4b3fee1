/** The checks of stored entries, put together for one committee. */
import { LanestoreError } from '../../errors.js';
import type { EntryChecks } from '../checks.js';
import type { Committee } from './committee.js';
import { payloadHash } from './hash.js';
import type { CommitQC, PruneAnchor, SignedBlock } from './types.js';
import { verifyAnchor, verifyChain, verifyCommitQC, verifySignedBlock } from './verify.js';

/**
 * What can be checked of stored entries: payload hashes and parent hashes, and with a committee quorums and signatures, about half a
 * millisecond each. Entries of another committee (an earlier epoch) do not pass.
 */
export function entryChecks(committee?: Committee): EntryChecks<SignedBlock, CommitQC, PruneAnchor> {
  const chain = (block: SignedBlock, before: SignedBlock | undefined) => verifyChain([block], before?.block.header);
  if (committee === undefined) {
    return {
      block: (block, before) => {
        const { header, payload } = block.block;
        if (Buffer.compare(payloadHash(payload), header.payloadHash) !== 0) {
          throw new LanestoreError('LANESTORE_VERIFY', 'its payload does not have the hash that its header says');
        }
        chain(block, before);
      },
    };
  }
  return {
    block: (block, before) => {
      chain(block, before);
      verifySignedBlock(block, committee);
    },
    commitQC: (qc) => verifyCommitQC(qc, committee),
    anchor: (anchor) => verifyAnchor(anchor, committee),
  };
}
