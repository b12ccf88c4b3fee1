/** Sizes and bounds of the protocol's fields, which proto3 cannot express. */

/** Bytes of a public key. */
export const KEY_BYTES = 32;
/** Bytes of a hash. */
export const HASH_BYTES = 32;
/** Bytes of an Ed25519 signature. */
export const SIGNATURE_BYTES = 64;
/** Largest number of nanoseconds within a second. */
export const NANOS_MAX = 999_999_999;
