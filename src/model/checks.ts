/**
 * Offline checks of the meaning of stored entries: hashes, parents, signatures. A model supplies
 * them next to its codecs; opening a store does not run them.
 */

/** The CommitQCs of a state have the road indexes [first, next). */
export interface RoadRange {
  readonly first: bigint;
  readonly next: bigint;
}

/**
 * Checks of entries. Each throws LANESTORE_VERIFY with the violated rule, or LANESTORE_INVALID for
 * a malformed entry.
 */
export interface EntryChecks<Block, CommitQC, Anchor> {
  /**
   * Checks a block. `before` is the block before it in its lane, if the state holds that one. A
   * block contains no road index, so `roads` is the range of the state's CommitQCs.
   */
  readonly block?: (block: Block, before: Block | undefined, roads: RoadRange) => void;
  readonly commitQC?: (qc: CommitQC) => void;
  readonly anchor?: (anchor: Anchor) => void;
  /**
   * Checks a row of the data layer, which a node keeps next to its state. Only the layout
   * `sei-73f917bbd` has rows; the model defines their type.
   */
  readonly row?: (row: unknown) => void;
  /** Checks the node's inner state. Bytes of an unknown form pass: only the node can read them. */
  readonly inner?: (inner: Uint8Array) => void;
}
