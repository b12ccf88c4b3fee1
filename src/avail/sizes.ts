/**
 * Upper bounds of the size of stored entries, computed from their parts without encoding them. A
 * turn of the persist loop must stay below the store's limit for a round, and must not encode a
 * block twice.
 */
import type { CommitQC, PruneAnchor, SignedBlock } from '../model/autobahn/index.js';

/**
 * Upper bound for key, record, header, signature and the payload's numbers, with the names of their
 * fields. Measured: 560 bytes.
 */
const BLOCK_BYTES = 768;
/** Upper bound for key, record, view and times, with the names of their fields. */
const QC_BYTES = 512;
/**
 * Upper bound for a signature or a lane's range, with the names of its fields. Measured: at most
 * 132 bytes.
 */
const PART_BYTES = 160;

/** Upper bound of a block's record and key, in bytes. */
export function blockBytes({ block }: SignedBlock): number {
  const { txs, coinbase } = block.payload;
  let bytes = BLOCK_BYTES + (coinbase?.length ?? 0);
  for (const tx of txs) bytes += tx.length + 5;
  return bytes;
}

/** Upper bound of a CommitQC's record and key, in bytes. */
export function commitQCBytes({ vote, sigs }: CommitQC): number {
  return QC_BYTES + (vote.app?.appHash?.length ?? 0) + PART_BYTES * (sigs.length + vote.laneRanges.length);
}

/** Upper bound of an anchor's record and key, in bytes. */
export function anchorBytes({ appQC, commitQC }: PruneAnchor): number {
  return commitQCBytes(commitQC) + QC_BYTES + (appQC.vote.appHash?.length ?? 0) + PART_BYTES * appQC.sigs.length;
}
