/** The interface with which the body of a record is written. */

import type { Template } from './template.js';

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
  /**
   * Encoded CBOR with places, which are then filled in, by offsets from its start, before anything
   * else is written.
   */
  stretch(cbor: Uint8Array): void;
  /** The bytes of a template, `copies` times; offsets count from the first copy. */
  stretches(template: Template, copies: number): void;
  /** Moves the origin of offsets forward by so many bytes. */
  advance(bytes: number): void;
  /** Number of optional entries present in the current map. */
  optional: number;
  /** The position of an offset in the body; it stays valid whatever is written later. */
  positionOf(offset: number): number;
  fillByteAt(position: number, byte: number): void;
  fillByte(offset: number, byte: number): void;
  fillBytes(offset: number, bytes: Uint8Array): void;
  /** The low 64 bits, without a head. */
  fillBigint(offset: number, value: bigint): void;
}
