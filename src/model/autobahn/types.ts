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

/** Proof that f+1 validators hold a block, and so its lane up to that block. */
export interface LaneQC {
  readonly vote: BlockHeader;
  readonly sigs: readonly Signature[];
}

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
