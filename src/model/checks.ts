/** Whether stored entries hold, beyond being whole: hashes, parents, signatures. What a model offers beside its codecs, for offline checks. */

/** Checks of entries; each throws LANESTORE_VERIFY, or LANESTORE_INVALID, saying what does not hold. */
export interface EntryChecks<Block, CommitQC, Anchor> {
  /** A block, and the one before it in its lane, if that is there. */
  readonly block?: (block: Block, before: Block | undefined) => void;
  readonly commitQC?: (qc: CommitQC) => void;
  readonly anchor?: (anchor: Anchor) => void;
}
