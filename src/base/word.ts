/**
 * The halves of 64-bit integers as numbers: `WORD[0] = value` gives both, without the calls into
 * V8's runtime that a conversion of a bigint takes. Both must be read before any other code runs.
 */

/** One 64-bit integer, in the byte order of the machine. */
export const WORD = new BigUint64Array(1);
/** Its halves. */
export const HALVES = new Uint32Array(WORD.buffer);
/** Index of the high half. */
export const HIGH = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1 ? 1 : 0;
