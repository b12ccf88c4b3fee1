/**
 * Rows of the data layer: a CommitQC with its headers, the blocks that it orders, and, once known,
 * the state of the application after them with its proof. The newest row with all parts is the
 * anchor from which a node starts.
 */
import { checkHash, fault, same } from '../verifying.js';
import type { Epoch } from './epochs.js';
import { headerHash } from './hash.js';
import { globalRange } from './proposal.js';
import type { AppProposal, AppQC, Block, FullCommitQC } from './types.js';
import { verifyAppProposal, verifyAppQC, verifyCommitQC, verifyHeaders, verifyPayload } from './verify.js';

/** A row. */
export interface DataRow {
  readonly qc: FullCommitQC;
  /** The first of the blocks that the CommitQC orders, in its order; in a full row, all of them. */
  readonly blocks: readonly Block[];
  readonly appProposal?: AppProposal;
  readonly appQC?: AppQC;
}

/** True if no part of the row is missing. */
export function isFullRow({ qc, blocks, appProposal, appQC }: DataRow): boolean {
  return blocks.length === qc.headers.length && appProposal !== undefined && appQC !== undefined;
}

/**
 * Verifies that the parts of a row belong together: the headers to the CommitQC, each block to its
 * header and payload, the state of the application and its proof to the CommitQC. With the epoch of
 * its road index, also all quorums and signatures.
 * @throws LANESTORE_VERIFY with the violated rule.
 */
export function verifyRow({ qc, blocks, appProposal, appQC }: DataRow, epoch?: Epoch): void {
  const { first } = globalRange(qc.qc.vote);
  if (epoch !== undefined) verifyCommitQC(qc.qc, epoch);
  verifyHeaders(qc);
  for (const [i, block] of blocks.entries()) {
    const where = `global block ${first + BigInt(i)}`;
    const header = qc.headers[i];
    if (header === undefined) throw fault(where, 'its CommitQC does not order it');
    checkHash(where, 'header hash', headerHash(block.header), headerHash(header), 'its CommitQC');
    verifyPayload(block);
  }
  if (appProposal !== undefined) verifyAppProposal(appProposal, qc.qc);
  if (appQC === undefined) return;
  if (epoch === undefined) verifyAppProposal(appQC.vote, qc.qc);
  else verifyAppQC(appQC, qc.qc, epoch.committee);
  const [voted = new Uint8Array(), proposed = new Uint8Array()] = [appQC.vote.appHash, appProposal?.appHash];
  if (appProposal === undefined || same(voted, proposed)) return;
  throw fault(`appQC ${appQC.vote.roadIndex}`, 'has another application hash than the stored AppProposal');
}
