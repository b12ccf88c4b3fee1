/** The verification of stored entries, for the epochs in which they were signed. */
import { isLanestoreError } from '../../../errors.js';
import type { EntryChecks } from '../../checks.js';
import { codecs } from './codecs.js';
import { checkEpochs, type Epochs } from './epochs.js';
import { verifyInner } from './inner.js';
import { type DataRow, verifyRow } from './rows.js';
import type { CommitQC, PersistedInner, PruneAnchor, SignedBlock } from './types.js';
import {
  verifyAnchor,
  verifyAppProposal,
  verifyChain,
  verifyCommitQC,
  verifyPayload,
  verifySignedBlock,
} from './verify.js';

/**
 * Verifies stored entries: payload hashes, parent hashes, that the two parts of an anchor belong
 * together, the signatures in the inner state, and, with epochs, all quorums, signatures and
 * epochs, at about half a millisecond each.
 *
 * A CommitQC and an anchor are verified with the epoch of their own road index. A block has no
 * road index. Its lane must therefore belong to the committee of some road index of the state, and
 * the lane's validator must have signed exactly this block.
 * @throws TypeError for a value that is not Epochs.
 */
export function entryChecks(epochs?: Epochs): EntryChecks<SignedBlock, CommitQC, PruneAnchor> {
  const chain = (block: SignedBlock, before: SignedBlock | undefined) => verifyChain([block], before?.block.header);
  if (epochs === undefined) {
    return {
      block: (block, before) => {
        verifyPayload(block.block);
        chain(block, before);
      },
      anchor: ({ appQC, commitQC }) => verifyAppProposal(appQC.vote, commitQC),
      row: (row) => verifyRow(row as DataRow),
      inner: (bytes) => checkInner(bytes, undefined),
    };
  }
  const known = checkEpochs(epochs, 'entryChecks: epochs');
  return {
    block: (block, before, roads) => {
      chain(block, before);
      verifySignedBlock(block, known.ofLane(block.block.header.lane, roads));
    },
    commitQC: (qc) => verifyCommitQC(qc, known.at(qc.vote.view.index)),
    anchor: (anchor) => verifyAnchor(anchor, known.at(anchor.commitQC.vote.view.index)),
    row: (row) => verifyRow(row as DataRow, known.at((row as DataRow).qc.qc.vote.view.index)),
    inner: (bytes) => checkInner(bytes, known),
  };
}

function checkInner(bytes: Uint8Array, epochs: Epochs | undefined): void {
  const inner = innerIn(bytes);
  if (inner !== undefined) verifyInner(inner, epochs);
}

function innerIn(bytes: Uint8Array): PersistedInner | undefined {
  try {
    return codecs.persistedInner.fromWire(bytes);
  } catch (error) {
    if (isLanestoreError(error, 'LANESTORE_INVALID')) return undefined;
    throw error;
  }
}
