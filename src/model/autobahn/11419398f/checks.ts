/** The verification of stored entries, for the committees that signed them. */
import { isLanestoreError } from '../../../errors.js';
import type { EntryChecks } from '../../checks.js';
import { checkPayload } from '../verifying.js';
import { codecs } from './codecs.js';
import { Committee } from './committee.js';
import { Committees, checkCommittees } from './committees.js';
import { payloadHash } from './hash.js';
import { verifyInner } from './inner.js';
import type { CommitQC, PersistedInner, PruneAnchor, SignedBlock } from './types.js';
import { verifyAnchor, verifyChain, verifyCommitQC, verifySignedBlock } from './verify.js';

/**
 * Verifies stored entries: payload hashes, parent hashes, the signatures in the inner state, and,
 * with committees, all quorums and signatures, at about half a millisecond each. A single committee
 * is used for every road index.
 *
 * A CommitQC and an anchor are verified with the committee of their own road index. A block has no
 * road index. Its lane must therefore belong to the committee of some road index of the state
 * ({@link Committees.ofLane}), and the lane's validator must have signed exactly this block. Not
 * verified: that this committee was in office when the block was made. Only the CommitQCs prove
 * which blocks are ordered, and by which committee.
 * @throws TypeError for a value that is neither a Committee nor Committees.
 */
export function entryChecks(committees?: Committee | Committees): EntryChecks<SignedBlock, CommitQC, PruneAnchor> {
  const chain = (block: SignedBlock, before: SignedBlock | undefined) => verifyChain([block], before?.block.header);
  if (committees === undefined) {
    return {
      block: (block, before) => {
        checkPayload(block.block, payloadHash);
        chain(block, before);
      },
      inner: (bytes) => checkInner(bytes, undefined),
    };
  }
  const terms =
    committees instanceof Committee
      ? new Committees([{ from: 0n, committee: committees }])
      : checkCommittees(committees, 'entryChecks: committees');
  return {
    block: (block, before, roads) => {
      chain(block, before);
      verifySignedBlock(block, terms.ofLane(block.block.header.lane, roads));
    },
    commitQC: (qc) => verifyCommitQC(qc, terms.at(qc.vote.view.index)),
    anchor: (anchor) => verifyAnchor(anchor, terms.at(anchor.commitQC.vote.view.index)),
    inner: (bytes) => checkInner(bytes, terms),
  };
}

function checkInner(bytes: Uint8Array, committees: Committees | undefined): void {
  const inner = innerIn(bytes);
  if (inner !== undefined) verifyInner(inner, committees);
}

function innerIn(bytes: Uint8Array): PersistedInner | undefined {
  try {
    return codecs.persistedInner.fromWire(bytes);
  } catch (error) {
    if (isLanestoreError(error, 'LANESTORE_INVALID')) return undefined;
    throw error;
  }
}
