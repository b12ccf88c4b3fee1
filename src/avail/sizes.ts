/**
 * How large entries become in a store: upper bounds, from their parts, without encoding them. A turn of the persist loop must stay
 * below what a store takes in one round, and must not encode a block twice to find out.
 */
import type { CommitQC, PruneAnchor, SignedBlock } from '../model/autobahn/index.js';

/** Key, record, header, signature and the payload's numbers, with their names: 560 bytes in fact. */
const BLOCK_BYTES = 768;
/** Key, record, view and times, with their names. */
const QC_BYTES = 512;
/** A signature, or the range of a lane, with the names of its fields: at most 132 bytes in fact. */
const PART_BYTES = 160;

/** Bytes of a block's record and key, at most. */
export function blockBytes({ block }: SignedBlock): number {
  const { txs, coinbase } = block.payload;
  let bytes = BLOCK_BYTES + (coinbase?.length ?? 0);
  for (const tx of txs) bytes += tx.length + 5;
  return bytes;
}

/** Bytes of a CommitQC's record and key, at most. */
export function commitQCBytes({ vote, sigs }: CommitQC): number {
  return QC_BYTES + (vote.app?.appHash?.length ?? 0) + PART_BYTES * (sigs.length + vote.laneRanges.length);
}

/** Bytes of an anchor's record and key, at most. */
export function anchorBytes({ appQC, commitQC }: PruneAnchor): number {
  return commitQCBytes(commitQC) + QC_BYTES + (appQC.vote.appHash?.length ?? 0) + PART_BYTES * appQC.sigs.length;
}
