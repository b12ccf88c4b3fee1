/** The types that all versions of the protocol share, as plain objects. */

/** An Ed25519 public key, 32 bytes. */
export type PublicKey = Uint8Array;

/**
 * A lane. At 11419398f it is the key of the validator that owns it, 32 bytes. At 73f917bbd it is
 * that key and the epoch in which the validator joined (u64, big-endian), 40 bytes.
 */
export type Lane = Uint8Array;

/** A SHA-256 hash, 32 bytes, of a canonical encoding. */
export type Hash = Uint8Array;

/** A validator's signature on a message. */
export interface Signature {
  /** Public key of the signer. */
  readonly key: PublicKey;
  /** Ed25519ctx, 64 bytes. */
  readonly sig: Uint8Array;
}

/** A moment in UTC. */
export interface Timestamp {
  /** Seconds since the Unix epoch; a signed 64-bit number. */
  readonly seconds: bigint;
  /** 0 to 999,999,999; added to the seconds, also before the epoch. */
  readonly nanos: number;
}

/** The header of a block; lane votes are for headers. */
export interface BlockHeader {
  readonly lane: Lane;
  /** Contiguous within a lane; u64. The highest number that a store accepts is 2^64-2. */
  readonly blockNumber: bigint;
  /** Header hash of the lane's previous block; zeros for the first one. */
  readonly parentHash: Hash;
  readonly payloadHash: Hash;
}

/** A certificate: votes of several validators for the same message. */
export interface Certificate<Vote> {
  readonly vote: Vote;
  /** In any order: it has no meaning. */
  readonly sigs: readonly Signature[];
}

/** A message with a signature of its hash. */
export interface WithSignature<Message> {
  readonly msg: Message;
  readonly sig: Signature;
}

/** Proof that f+1 validators hold a block, and so its lane up to that block. */
export interface LaneQC extends Certificate<BlockHeader> {}

/** The blocks [first, next) of a lane that a proposal orders. */
export interface LaneRange {
  readonly lane: Lane;
  /** u64. */
  readonly first: bigint;
  /** u64. */
  readonly next: bigint;
  /** Header hash of block next-1; zeros for an empty range. */
  readonly lastHash: Hash;
}

/** A block with payloads of type `P`. */
export interface BlockOf<P> {
  readonly header: BlockHeader;
  readonly payload: P;
}

/** A block of type `B`, signed by the owner of its lane. */
export interface SignedBlockOf<B> {
  readonly block: B;
  /** Signature of the message hash of the lane proposal. */
  readonly sig: Signature;
}

/** A CommitQC with the headers of the blocks that it orders. */
export interface FullCommitQCOf<Q> {
  readonly qc: Q;
  /** Lane by lane, ascending within a lane. */
  readonly headers: readonly BlockHeader[];
}

/** The two halves of a prune anchor, which have the same road index. */
export interface PruneAnchorOf<AppQC, Q> {
  readonly appQC: AppQC;
  readonly commitQC: Q;
}

/** What belongs to a view. */
export interface InView {
  readonly view: {
    /** The road index: the number of the consensus instance; u64. */
    readonly index: bigint;
    /** The number of the attempt; u64. */
    readonly number: bigint;
  };
}

/** A vote to give up on a view of type `V`. */
export interface TimeoutVoteOf<V> {
  readonly view: V;
  /** The view number of the latest PrepareQC that the voter saw, if any; u64. */
  readonly latestPrepareQCViewNumber?: bigint;
}

/**
 * A message that can be signed: blocks `B`, proposals `P`, timeout votes `T`, states of the
 * application `A`. Its kind is part of the hash, so a signature is valid for one kind only.
 */
export type MsgOf<B, P, T, A> =
  | { readonly kind: 'laneProposal'; readonly value: B }
  | { readonly kind: 'laneVote'; readonly value: BlockHeader }
  | { readonly kind: 'proposal'; readonly value: P }
  | { readonly kind: 'prepareVote'; readonly value: P }
  | { readonly kind: 'commitVote'; readonly value: P }
  | { readonly kind: 'timeoutVote'; readonly value: T }
  | { readonly kind: 'appVote'; readonly value: A };

/** Proof that enough validators gave up on a view. */
export interface TimeoutQCOf<P, T> {
  readonly votes: readonly WithSignature<T>[];
  readonly latestPrepareQC?: Certificate<P>;
}

/** A vote to give up on a view, with the PrepareQC that it names. */
export interface FullTimeoutVoteOf<P, T> {
  readonly vote: WithSignature<T>;
  readonly latestPrepareQC?: Certificate<P>;
}

/** A node's consensus state, with proposals `P` and timeout votes `T`. */
export interface PersistedInnerOf<P, T> {
  readonly commitQC?: Certificate<P>;
  readonly prepareQC?: Certificate<P>;
  readonly timeoutQC?: TimeoutQCOf<P, T>;
  readonly commitVote?: WithSignature<P>;
  readonly prepareVote?: WithSignature<P>;
  readonly timeoutVote?: FullTimeoutVoteOf<P, T>;
}

/** A range [first, next) of global block numbers. */
export interface GlobalRange {
  readonly first: bigint;
  readonly next: bigint;
}
