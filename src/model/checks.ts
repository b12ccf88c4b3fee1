/** Whether stored entries hold, beyond being whole: hashes, parents, signatures. What a model offers beside its codecs, for offline checks. */

/** The road indexes [first, next) of which a state holds CommitQCs; `next` is the one that comes. */
export interface RoadRange {
  readonly first: bigint;
  readonly next: bigint;
}

/** Checks of entries; each throws LANESTORE_VERIFY, or LANESTORE_INVALID, saying what does not hold. */
export interface EntryChecks<Block, CommitQC, Anchor> {
  /** A block, the one before it in its lane, if that is there, and what the QC log beside it holds: a block says no road index itself. */
  readonly block?: (block: Block, before: Block | undefined, roads: RoadRange) => void;
  readonly commitQC?: (qc: CommitQC) => void;
  readonly anchor?: (anchor: Anchor) => void;
  /** The node's inner state. Bytes that the protocol does not know pass: only its node can read them. */
  readonly inner?: (inner: Uint8Array) => void;
}
