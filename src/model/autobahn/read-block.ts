/**
 * Reading the body of a signed block by its layout. A restart reads thousands of blocks, and a decoder that knows nothing of them, followed
 * by a table that checks what came out, takes most of its time.
 *
 * It takes exactly the bytes that bodies.ts writes; for any other ones it gives undefined, and they go the long way, which reads them or says
 * what is wrong. A property test compares both.
 */
import { integerAt, type Template } from '../../cbor/template.js';
import {
  BASEFEE,
  BLOCK_SIGNATURE,
  BLOCK_SIGNED,
  BLOCK_SIGNER,
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
} from './block-layout.js';
import { HASH_BYTES, I64_MAX, I64_MIN, KEY_BYTES, NANOS_MAX, SIGNATURE_BYTES } from './sizes.js';
import type { SignedBlock } from './types.js';

const NUMBER_HEAD = 0x00;
const BYTES_HEAD = 0x40;
const ARRAY_HEAD = 0x80;
const MAP_OF_6 = 0xa6;

/** The block that `body` is; undefined if the body is anything but what its writer writes. Its byte strings share the memory of `body`. */
export function readSignedBlock(body: Uint8Array): SignedBlock | undefined {
  const from = new Reading(body);
  const hasCoinbase = body[PAYLOAD_MAP] === MAP_OF_6;
  const head = from.pass(hasCoinbase ? HEAD_COINBASE : HEAD);
  if (head < 0) return undefined;
  const blockNumber = integerAt(body, head + NUMBER);
  const seconds = integerAt(body, head + SECONDS);
  const nanos = from.head(NUMBER_HEAD);
  if (blockNumber === undefined || blockNumber < 0n || !isI64(seconds) || nanos < 0 || nanos > NANOS_MAX)
    return undefined;
  const counts = from.pass(COUNTS);
  if (counts < 0) return undefined;
  const totalGas = integerAt(body, counts + GAS);
  const edgeCount = integerAt(body, counts + EDGES);
  if (totalGas === undefined || totalGas < 0n || !isI64(edgeCount)) return undefined;
  const coinbase = hasCoinbase && from.pass(COINBASE) >= 0 ? from.byteString() : undefined;
  if (hasCoinbase && coinbase === undefined) return undefined;
  const fee = from.pass(FEE);
  if (fee < 0) return undefined;
  const basefee = integerAt(body, fee + BASEFEE);
  if (!isI64(basefee)) return undefined;
  const txs = from.byteStrings();
  if (txs === undefined) return undefined;
  const signature = from.pass(BLOCK_SIGNATURE);
  if (signature < 0 || !from.isAtEnd) return undefined;
  const header = {
    lane: from.bytes(head + LANE, KEY_BYTES),
    blockNumber,
    parentHash: from.bytes(head + PARENT, HASH_BYTES),
    payloadHash: from.bytes(head + PAYLOAD, HASH_BYTES),
  };
  const createdAt = { seconds, nanos };
  const payload =
    coinbase === undefined
      ? { createdAt, totalGas, edgeCount, basefee, txs }
      : { createdAt, totalGas, edgeCount, coinbase, basefee, txs };
  const sig = {
    key: from.bytes(signature + BLOCK_SIGNER, KEY_BYTES),
    sig: from.bytes(signature + BLOCK_SIGNED, SIGNATURE_BYTES),
  };
  return { block: { header, payload }, sig };
}

function isI64(value: bigint | undefined): value is bigint {
  return value !== undefined && value >= I64_MIN && value <= I64_MAX;
}

/** A body, and how far it was read. */
class Reading {
  readonly #body: Uint8Array;
  #at = 0;

  constructor(body: Uint8Array) {
    this.#body = body;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#body.length;
  }

  /** Bytes of the body, which the caller knows to be there. Not `subarray`, which takes several times as long. */
  bytes(at: number, length: number): Uint8Array {
    return new Uint8Array(this.#body.buffer, this.#body.byteOffset + at, length);
  }

  /** Goes on behind what a template has here, and gives where that begins; -1 if something else comes. The places are for the caller to check. */
  pass(template: Template): number {
    const at = this.#at;
    if (!template.standsAt(this.#body, at)) return -1;
    this.#at = at + template.bytes.length;
    return at;
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
    if (length === 0 || this.#at + 1 + length > this.#body.length) return -1;
    let value = 0;
    for (let i = 1; i <= length; i++) value = value * 0x100 + (this.#body[this.#at + i] as number);
    this.#at += 1 + length;
    return value >= (length === 1 ? 24 : length === 2 ? 0x100 : 0x10000) ? value : -1;
  }

  byteString(): Uint8Array | undefined {
    const length = this.head(BYTES_HEAD);
    const at = this.#at;
    if (length < 0 || at + length > this.#body.length) return undefined;
    this.#at = at + length;
    return this.bytes(at, length);
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
