/** What proto3 cannot say of the protocol's fields: how long the fixed ones are, and how large. */

/** Bytes of a public key. */
export const KEY_BYTES = 32;
/** Bytes of a hash. */
export const HASH_BYTES = 32;
/** Bytes of an Ed25519 signature. */
export const SIGNATURE_BYTES = 64;
/** Nanoseconds inside of a second go up to here. */
export const NANOS_MAX = 999_999_999;
