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
import type {
  BlockOf,
  Certificate,
  FullCommitQCOf,
  FullTimeoutVoteOf,
  LaneRange,
  MsgOf,
  PersistedInnerOf,
  PruneAnchorOf,
  SignedBlockOf,
  TimeoutQCOf,
  TimeoutVoteOf,
  Timestamp,
  WithSignature,
} from '../types.js';

export type * from '../types.js';

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
export interface Block extends BlockOf<Payload> {}

/** A block signed by the owner of its lane: the entry that a lane stores. */
export interface SignedBlock extends SignedBlockOf<Block> {}

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
export interface PrepareQC extends Certificate<Proposal> {}

/** Proof that a quorum committed to a proposal. */
export interface CommitQC extends Certificate<Proposal> {}

/** A CommitQC with the headers of the blocks that it orders. */
export interface FullCommitQC extends FullCommitQCOf<CommitQC> {}

/** Proof that a quorum agree on the application's state. */
export interface AppQC extends Certificate<AppProposal> {}

/** An AppQC and the CommitQC of its road index; older data can be pruned. */
export interface PruneAnchor extends PruneAnchorOf<AppQC, CommitQC> {}

/** A vote to give up on a view. */
export interface TimeoutVote extends TimeoutVoteOf<View> {}

/**
 * A message that can be signed. Its kind is part of the hash, so a signature is valid for one kind
 * only.
 */
export type Msg = MsgOf<Block, Proposal, TimeoutVote, AppProposal>;

/** Any message with its signature. */
export interface SignedMsg extends WithSignature<Msg> {}

/** A message of one kind, with its signature. */
export interface Signed<K extends Msg['kind']> extends WithSignature<Extract<Msg, { kind: K }>['value']> {}

/** Proof that a quorum gave up on a view. */
export interface TimeoutQC extends TimeoutQCOf<Proposal, TimeoutVote> {}

/** A vote to give up on a view, with the PrepareQC that it names. */
export interface FullTimeoutVote extends FullTimeoutVoteOf<Proposal, TimeoutVote> {}

/**
 * The node's own consensus state, as the original stores it: its votes, and the QCs that led to its
 * view.
 */
export interface PersistedInner extends PersistedInnerOf<Proposal, TimeoutVote> {}
