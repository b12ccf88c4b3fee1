/** The checks of stored entries, put together for one committee. */
import type { EntryChecks } from '../checks.js';
import type { Committee } from './committee.js';
import type { CommitQC, PruneAnchor, SignedBlock } from './types.js';
import { verifyAnchor, verifyChain, verifyCommitQC, verifySignedBlock } from './verify.js';

/**
 * What can be checked of stored entries: parent hashes, and with a committee payload hashes, quorums and signatures, about half a
 * millisecond each. Entries of another committee (an earlier epoch) do not pass.
 */
export function entryChecks(committee?: Committee): EntryChecks<SignedBlock, CommitQC, PruneAnchor> {
  const chain = (block: SignedBlock, before: SignedBlock | undefined) => verifyChain([block], before?.block.header);
  if (committee === undefined) return { block: chain };
  return {
    block: (block, before) => {
      chain(block, before);
      verifySignedBlock(block, committee);
    },
    commitQC: (qc) => verifyCommitQC(qc, committee),
    anchor: (anchor) => verifyAnchor(anchor, committee),
  };
}
