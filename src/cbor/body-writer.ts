/** The interface with which the body of a record is written. */

/**
 * Lets a model write a body piece by piece. The head of a map or array must be followed by that
 * many items.
 */
export interface BodyWriter {
  /** The head of a map; a text and a value follow for each entry. */
  map(entries: number): void;
  /** The head of an array. */
  array(items: number): void;
  text(text: string): void;
  bytes(bytes: Uint8Array): void;
  /** A 64-bit integer, always in 9 bytes. */
  bigint(value: bigint): void;
  number(value: number): void;
  /** Any plain value, as `toBody` may contain it. */
  value(value: unknown): void;
  /**
   * Encoded CBOR, copied unchanged: for heads and keys that are the same in every entry, or for
   * content that was encoded before.
   */
  raw(cbor: Uint8Array): void;
}
