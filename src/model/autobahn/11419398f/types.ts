/**
 * The types of the Autobahn protocol at 11419398f (sei-tendermint/internal/autobahn/types), as plain objects.
 *
 * Numbers of 64 bits are bigint. Byte strings are `Uint8Array`; nothing here copies or freezes them, so whoever hands
 * one out must not write to it any more. An optional field that is absent has no key (not `undefined`).
 *
 * The same shapes are the bodies of the LevelDB records, key for key.
 */

/** An Ed25519 public key, 32 bytes. A lane is named by the key of the validator that owns it. */
export type PublicKey = Uint8Array;

/** A SHA-256 hash, 32 bytes, of a canonical encoding. */
export type Hash = Uint8Array;

/** A validator's signature on a message. */
export interface Signature {
  /** Who signed. */
  readonly key: PublicKey;
  /** Ed25519ctx, 64 bytes. */
  readonly sig: Uint8Array;
}

/** A moment in UTC. */
export interface Timestamp {
  /** Since the Unix epoch; a signed 64-bit number. */
  readonly seconds: bigint;
  /** 0 to 999,999,999; counts forward, also before the epoch. */
  readonly nanos: number;
}

/** What a lane vote is for. */
export interface BlockHeader {
  readonly lane: PublicKey;
  /** Contiguous in a lane; u64. The highest that a store accepts is 2^64-2. */
  readonly blockNumber: bigint;
  /** Header hash of the lane's previous block; zeros for the first one. */
  readonly parentHash: Hash;
  readonly payloadHash: Hash;
}

/** What a block carries. The protocol at 11419398f sets no limit to its size. */
export interface Payload {
  readonly createdAt: Timestamp;
  /** u64. */
  readonly totalGas: bigint;
  /** i64. */
  readonly edgeCount: bigint;
  /** Absent and empty are two things: their hashes differ. */
  readonly coinbase?: Uint8Array;
  /** i64. */
  readonly basefee: bigint;
  readonly txs: readonly Uint8Array[];
}

/** A block of one lane. */
export interface Block {
  readonly header: BlockHeader;
  readonly payload: Payload;
}

/** A block signed by the owner of its lane: what a lane stores. On the wire it is a `SignedMsg` of a lane proposal. */
export interface SignedBlock {
  readonly block: Block;
  /** Over the message hash of the lane proposal. */
  readonly sig: Signature;
}

/** Proof that f+1 validators hold a block, and with it the lane up to there. */
export interface LaneQC {
  readonly vote: BlockHeader;
  readonly sigs: readonly Signature[];
}

/** The blocks [first, next) of a lane, that a proposal orders. */
export interface LaneRange {
  readonly lane: PublicKey;
  /** u64. */
  readonly first: bigint;
  /** u64. */
  readonly next: bigint;
  /** Header hash of block next-1; zeros for an empty range. */
  readonly lastHash: Hash;
}

/** An attempt at one consensus instance. */
export interface View {
  /** The road index: which instance; u64. */
  readonly index: bigint;
  /** Which attempt; u64. */
  readonly number: bigint;
}

/** The state that the application reached. */
export interface AppProposal {
  /** The global number of the block after which it has this state; u64. */
  readonly globalNumber: bigint;
  /** The road index of the CommitQC that ordered that block; u64. */
  readonly roadIndex: bigint;
  /** Of no fixed length. Absent and empty are two things: their hashes differ. */
  readonly appHash?: Uint8Array;
}

/** Which blocks of which lanes come next. */
export interface Proposal {
  readonly view: View;
  readonly createdAt: Timestamp;
  /** Strictly ascending by lane. A lane may be left out. */
  readonly laneRanges: readonly LaneRange[];
  readonly app?: AppProposal;
}

/** Proof that N-f validators saw the proposal prepared. */
export interface PrepareQC {
  readonly vote: Proposal;
  readonly sigs: readonly Signature[];
}

/** Proof that N-f validators committed to a proposal. The order of its signatures means nothing. */
export interface CommitQC {
  readonly vote: Proposal;
  readonly sigs: readonly Signature[];
}

/** A CommitQC with the headers of the blocks that it orders: lane after lane, each ascending. */
export interface FullCommitQC {
  readonly qc: CommitQC;
  readonly headers: readonly BlockHeader[];
}

/** Proof that N-f validators agree on the application's state. */
export interface AppQC {
  readonly vote: AppProposal;
  readonly sigs: readonly Signature[];
}

/** What lets older data be pruned: an AppQC and the CommitQC of its road index. */
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

/** What can be signed. The kind is part of what is hashed, so a signature is good for one kind only. */
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

/** Proof that N-f validators gave up on a view. */
export interface TimeoutQC {
  readonly votes: readonly Signed<'timeoutVote'>[];
  readonly latestPrepareQC?: PrepareQC;
}

/** A vote to give up on a view, with the PrepareQC that it names. */
export interface FullTimeoutVote {
  readonly vote: Signed<'timeoutVote'>;
  readonly latestPrepareQC?: PrepareQC;
}

/** The node's own consensus state as the original stores it: what it has voted for, and what led it to its view. */
export interface PersistedInner {
  readonly commitQC?: CommitQC;
  readonly prepareQC?: PrepareQC;
  readonly timeoutQC?: TimeoutQC;
  readonly commitVote?: Signed<'commitVote'>;
  readonly prepareVote?: Signed<'prepareVote'>;
  readonly timeoutVote?: FullTimeoutVote;
}

/** What an A/B file of the original holds before it had a checksum. */
export interface PersistedWrapper {
  /** Which of the two files is newer; u64. */
  readonly seq: bigint;
  readonly data: Uint8Array;
}
