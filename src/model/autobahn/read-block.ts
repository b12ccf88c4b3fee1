/**
 * Reading the body of a signed block by its layout. A restart reads thousands of blocks, and a decoder that knows nothing of them, followed
 * by a table that checks what came out, takes most of its time.
 *
 * It takes exactly the bytes that bodies.ts writes; for any other ones it gives undefined, and they go the long way, which reads them or says
 * what is wrong. A property test compares both.
 */
import type { Template } from '../cbor.js';
import {
  BASEFEE,
  COINBASE,
  COUNTS,
  EDGES,
  FEE,
  GAS,
  HEAD,
  HEAD_COINBASE,
  LANE,
  NUMBER,
  PARENT,
  PAYLOAD,
  PAYLOAD_MAP,
  SECONDS,
  SIG,
  SIGNATURE,
  SIGNED,
  SIGNER,
} from './block-layout.js';
import { HASH_BYTES, I64_MAX, I64_MIN, KEY_BYTES, NANOS_MAX, SIGNATURE_BYTES } from './sizes.js';
import type { SignedBlock } from './types.js';

const NUMBER_HEAD = 0x00;
const BYTES_HEAD = 0x40;
const ARRAY_HEAD = 0x80;
const MAP_OF_6 = 0xa6;
const UINT64 = 0x1b;
const NEGATIVE64 = 0x3b;

/** The block that `body` is; undefined if the body is anything but what its writer writes. Its byte strings share the memory of `body`. */
export function readSignedBlock(body: Uint8Array): SignedBlock | undefined {
  const from = new Reading(body);
  const hasCoinbase = body[PAYLOAD_MAP] === MAP_OF_6;
  const head = hasCoinbase ? HEAD_COINBASE : HEAD;
  if (!from.has(head.bytes.length)) return undefined;
  const header = {
    lane: from.fill(head, LANE, KEY_BYTES),
    blockNumber: from.integer(head, NUMBER),
    parentHash: from.fill(head, PARENT, HASH_BYTES),
    payloadHash: from.fill(head, PAYLOAD, HASH_BYTES),
  };
  const seconds = from.integer(head, SECONDS);
  if (!from.pass(head.bytes) || header.blockNumber < 0n || !isI64(seconds)) return undefined;
  const nanos = from.head(NUMBER_HEAD);
  if (nanos < 0 || nanos > NANOS_MAX || !from.has(COUNTS.bytes.length)) return undefined;
  const totalGas = from.integer(COUNTS, GAS);
  const edgeCount = from.integer(COUNTS, EDGES);
  if (!from.pass(COUNTS.bytes) || totalGas < 0n || !isI64(edgeCount)) return undefined;
  const coinbase = hasCoinbase && from.pass(COINBASE) ? from.byteString() : undefined;
  if (hasCoinbase && coinbase === undefined) return undefined;
  if (!from.has(FEE.bytes.length)) return undefined;
  const basefee = from.integer(FEE, BASEFEE);
  if (!from.pass(FEE.bytes) || !isI64(basefee)) return undefined;
  const txs = from.byteStrings();
  if (txs === undefined || !from.pass(SIG) || !from.has(SIGNATURE.bytes.length)) return undefined;
  const sig = { key: from.fill(SIGNATURE, SIGNER, KEY_BYTES), sig: from.fill(SIGNATURE, SIGNED, SIGNATURE_BYTES) };
  if (!from.pass(SIGNATURE.bytes) || from.has(1)) return undefined;
  const createdAt = { seconds, nanos };
  const payload =
    coinbase === undefined
      ? { createdAt, totalGas, edgeCount, basefee, txs }
      : { createdAt, totalGas, edgeCount, coinbase, basefee, txs };
  return { block: { header, payload }, sig };
}

function isI64(value: bigint): boolean {
  return value >= I64_MIN && value <= I64_MAX;
}

/** A body, and how far it was read. */
class Reading {
  readonly #body: Uint8Array;
  readonly #buffer: Buffer;
  #at = 0;

  constructor(body: Uint8Array) {
    this.#body = body;
    this.#buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  }

  /** True if `length` more bytes are there. */
  has(length: number): boolean {
    return this.#at + length <= this.#body.length;
  }

  /** What stands at a place of a template that begins here; the template is filled in with it. */
  fill(template: Template, place: number, length: number): Uint8Array {
    const at = this.#at + place;
    const bytes = this.#body.subarray(at, at + length);
    template.bytes.set(bytes, place);
    return bytes;
  }

  /** The same for a 64-bit integer; 0 for what is none, which {@link pass} then finds out. */
  integer(template: Template, place: number): bigint {
    const at = this.#at + place;
    const head = this.#body[at];
    const magnitude = this.#buffer.readBigUInt64BE(at + 1);
    const value = head === UINT64 ? magnitude : head === NEGATIVE64 ? -1n - magnitude : 0n;
    template.integer(place, value);
    return value;
  }

  /** Goes on behind `expected` if that is what comes: a template that was filled in from here, or bytes that never change. */
  pass(expected: Uint8Array): boolean {
    const end = this.#at + expected.length;
    if (end > this.#body.length || this.#buffer.compare(expected, 0, expected.length, this.#at, end) !== 0)
      return false;
    this.#at = end;
    return true;
  }

  /** The number in a head of up to 32 bits in its shortest form; -1 for anything else. */
  head(major: number): number {
    const first = this.#body[this.#at] ?? 0xff;
    const info = first - major;
    if (info >= 0 && info < 24) {
      this.#at += 1;
      return info;
    }
    const length = info === 24 ? 1 : info === 25 ? 2 : info === 26 ? 4 : 0;
    if (length === 0 || !this.has(1 + length)) return -1;
    const value = this.#buffer.readUIntBE(this.#at + 1, length);
    this.#at += 1 + length;
    return value >= (length === 1 ? 24 : length === 2 ? 0x100 : 0x10000) ? value : -1;
  }

  byteString(): Uint8Array | undefined {
    const length = this.head(BYTES_HEAD);
    if (length < 0 || !this.has(length)) return undefined;
    const bytes = this.#body.subarray(this.#at, this.#at + length);
    this.#at += length;
    return bytes;
  }

  byteStrings(): Uint8Array[] | undefined {
    const length = this.head(ARRAY_HEAD);
    if (length < 0) return undefined;
    const list: Uint8Array[] = [];
    for (let i = 0; i < length; i++) {
      const bytes = this.byteString();
      if (bytes === undefined) return undefined;
      list.push(bytes);
    }
    return list;
  }
}
