/**
 * The types of the Autobahn protocol at 73f917bbd (sei-tendermint/internal/autobahn/types), as
 * plain objects.
 *
 * Numbers of 64 bits are bigint. Byte strings are `Uint8Array`; they are not copied or frozen, so
 * do not modify one after passing it on. An optional field that is absent has no key (not
 * `undefined`).
 *
 * The bodies of LevelDB records have the same structure, with the same keys.
 */
import type { BlockHeader, LaneRange, Signature, Timestamp } from '../types.js';

export type { BlockHeader, Hash, Lane, LaneQC, LaneRange, PublicKey, Signature, Timestamp } from '../types.js';

/** The content of a block: at most 2000 transactions, of at most 2,048,000 bytes together. */
export interface Payload {
  readonly createdAt: Timestamp;
  readonly txs: readonly Uint8Array[];
  /** u64. */
  readonly totalGasWanted: bigint;
  /** u64. */
  readonly totalGasEstimated: bigint;
}

/** A block of one lane. */
export interface Block {
  readonly header: BlockHeader;
  readonly payload: Payload;
}

/**
 * A block signed by the owner of its lane: the entry that a lane stores.
 */
export interface SignedBlock {
  readonly block: Block;
  /** Signature of the message hash of the lane proposal. */
  readonly sig: Signature;
}

/** An attempt at one consensus instance. */
export interface View {
  /** The road index: the number of the consensus instance; u64. */
  readonly index: bigint;
  /** The number of the attempt; u64. */
  readonly number: bigint;
  /** The epoch of the road index; u64. */
  readonly epochIndex: bigint;
}

/** A proposed state of the application, after all blocks of a CommitQC. */
export interface AppProposal {
  /** The road index of the CommitQC; u64. */
  readonly roadIndex: bigint;
  /** Has no fixed length. Absent differs from empty: the hashes differ. */
  readonly appHash?: Uint8Array;
  /** The epoch of the CommitQC; u64. */
  readonly epochIndex: bigint;
  /** The global numbers [globalFirst, globalNext) of the blocks that the CommitQC orders; u64. */
  readonly globalFirst: bigint;
  readonly globalNext: bigint;
}

/** Orders the next blocks of the lanes. */
export interface Proposal {
  readonly view: View;
  /** Strictly ascending by lane. */
  readonly laneRanges: readonly LaneRange[];
  readonly timestamp: Timestamp;
  /** The global number of the first block that it orders; u64. */
  readonly globalFirst: bigint;
}

/** Proof that a quorum saw the proposal prepared. */
export interface PrepareQC {
  readonly vote: Proposal;
  readonly sigs: readonly Signature[];
}

/**
 * Proof that a quorum committed to a proposal. The order of the signatures has no meaning.
 */
export interface CommitQC {
  readonly vote: Proposal;
  readonly sigs: readonly Signature[];
}

/**
 * A CommitQC with the headers of the blocks that it orders: lane by lane, ascending within a lane.
 */
export interface FullCommitQC {
  readonly qc: CommitQC;
  readonly headers: readonly BlockHeader[];
}

/** Proof that a quorum agree on the application's state. */
export interface AppQC {
  readonly vote: AppProposal;
  readonly sigs: readonly Signature[];
}

/** An AppQC and the CommitQC of its road index; older data can be pruned. */
export interface PruneAnchor {
  readonly appQC: AppQC;
  readonly commitQC: CommitQC;
}

/** A vote to give up on a view. */
export interface TimeoutVote {
  readonly view: View;
  /** The view number of the latest PrepareQC that the voter saw, if any; u64. */
  readonly latestPrepareQCViewNumber?: bigint;
}

/**
 * A message that can be signed. Its kind is part of the hash, so a signature is valid for one kind
 * only.
 */
export type Msg =
  | { readonly kind: 'laneProposal'; readonly value: Block }
  | { readonly kind: 'laneVote'; readonly value: BlockHeader }
  | { readonly kind: 'proposal'; readonly value: Proposal }
  | { readonly kind: 'prepareVote'; readonly value: Proposal }
  | { readonly kind: 'commitVote'; readonly value: Proposal }
  | { readonly kind: 'timeoutVote'; readonly value: TimeoutVote }
  | { readonly kind: 'appVote'; readonly value: AppProposal };

/** Any message with its signature. */
export interface SignedMsg {
  readonly msg: Msg;
  readonly sig: Signature;
}

/** A message of one kind, with its signature. */
export interface Signed<K extends Msg['kind']> {
  readonly msg: Extract<Msg, { kind: K }>['value'];
  readonly sig: Signature;
}

/** Proof that a quorum gave up on a view. */
export interface TimeoutQC {
  readonly latestPrepareQC?: PrepareQC;
  readonly votes: readonly Signed<'timeoutVote'>[];
}

/** A vote to give up on a view, with the PrepareQC that it names. */
export interface FullTimeoutVote {
  readonly latestPrepareQC?: PrepareQC;
  readonly vote: Signed<'timeoutVote'>;
}

/**
 * The node's own consensus state, as the original stores it: its votes, and the QCs that led to its
 * view.
 */
export interface PersistedInner {
  readonly commitQC?: CommitQC;
  readonly prepareQC?: PrepareQC;
  readonly timeoutQC?: TimeoutQC;
  readonly timeoutVote?: FullTimeoutVote;
  readonly commitVote?: Signed<'commitVote'>;
  readonly prepareVote?: Signed<'prepareVote'>;
}
