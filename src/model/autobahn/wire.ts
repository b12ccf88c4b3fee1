/**
 * Protobuf's wire format as it is written here: the part of it that Autobahn uses, in its canonical form.
 *
 *   field   = tag content
 *   tag     = field number << 3 | wire type; one byte, since every number here is below 16
 *   content = varint                          wire type 0: 64-bit numbers and int32
 *           | varint length, that many bytes  wire type 2: byte strings and messages
 *   varint  = 7 bits a byte, lowest first, the high bit set on all but the last; as short as it can be
 *
 * Reading is the library's (parse.ts), since what is read may be hostile. Writing is ours, since hashes and signatures
 * are taken over these bytes: they have to be the original's canonical encoding under every version of every library,
 * and protobuf promises of no writer that the same message gives the same bytes. Here the order and the form of the
 * fields are the tables' (message.ts) and nobody else's; what is written is what `check` has passed, in one pass and
 * without a second tree of objects. Tests hold the library's `toBinary` against it.
 */
/** The wire type of numbers. */
export const VARINT = 0;
/** The wire type of byte strings and messages. */
export const LENGTH_DELIMITED = 2;
/** Of the wire types that exist, those that a field of this protocol can have. */
export type WireType = typeof VARINT | typeof LENGTH_DELIMITED;

const U64_MASK = 2n ** 64n - 1n;
const SAFE = BigInt(Number.MAX_SAFE_INTEGER);

/** The tag of a field. @throws RangeError if it would not be one byte, which is what sizes are reckoned with. */
export function tagOf(number: number, wire: WireType): number {
  if (!Number.isInteger(number) || number < 1 || number > 15) throw new RangeError(`field number ${number}`);
  return (number << 3) | wire;
}

/** Bytes that `value`, a length or another number up to 2^53-1, takes as a varint. */
export function varintSize(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
}

/** Bytes that the low 64 bits of `value` take as a varint; a negative number takes ten. */
export function varintSize64(value: bigint): number {
  if (value >= 0n && value <= SAFE) return varintSize(Number(value));
  let size = 1;
  for (let rest = value & U64_MASK; rest >= 0x80n; rest >>= 7n) size++;
  return size;
}

/**
 * Fills a buffer of exactly the right size from its end. So the length of a nested message is known when its prefix is
 * due, and one pass does; fields are written last to first.
 */
export class Writer {
  readonly bytes: Uint8Array;
  /** Where what was written so far begins. */
  at: number;

  constructor(size: number) {
    this.bytes = new Uint8Array(size);
    this.at = size;
  }

  byte(value: number): void {
    this.bytes[--this.at] = value;
  }

  raw(bytes: Uint8Array): void {
    this.at -= bytes.length;
    this.bytes.set(bytes, this.at);
  }

  varint(value: number): void {
    this.at -= varintSize(value);
    let at = this.at;
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.bytes[at++] = (rest % 0x80) | 0x80;
    this.bytes[at] = rest;
  }

  varint64(value: bigint): void {
    if (value >= 0n && value <= SAFE) {
      this.varint(Number(value));
      return;
    }
    this.at -= varintSize64(value);
    let at = this.at;
    let rest = value & U64_MASK;
    for (; rest >= 0x80n; rest >>= 7n) this.bytes[at++] = Number(rest & 0x7fn) | 0x80;
    this.bytes[at] = Number(rest);
  }
}
