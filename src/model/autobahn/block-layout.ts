/** How the body of a signed block is laid out: what is the same in every block, and the places in between. For writing and for reading. */
import { bytesPlace, INTEGER_PLACE, map, Template, text } from '../../cbor/template.js';
import { HASH_BYTES, KEY_BYTES, SIGNATURE_BYTES } from './sizes.js';

/** Up to the nanoseconds, the first thing of which the length varies. */
const blockHead = (payloadFields: number) =>
  new Template(
    map(2),
    text('block'),
    map(2),
    text('header'),
    map(4),
    text('lane'),
    ...bytesPlace(KEY_BYTES),
    text('blockNumber'),
    INTEGER_PLACE,
    text('parentHash'),
    ...bytesPlace(HASH_BYTES),
    text('payloadHash'),
    ...bytesPlace(HASH_BYTES),
    text('payload'),
    map(payloadFields),
    text('createdAt'),
    map(2),
    text('seconds'),
    INTEGER_PLACE,
    text('nanos'),
  );
/** A block without a coinbase, from its beginning to the key of its nanoseconds. */
export const HEAD = blockHead(5);
/** The same of a block with a coinbase. */
export const HEAD_COINBASE = blockHead(6);
/** The places of both, which are the same. */
export const [LANE, NUMBER, PARENT, PAYLOAD, SECONDS] = places(HEAD, 5);
/** Where the two differ: the head of the payload's map. */
export const PAYLOAD_MAP = PAYLOAD + HASH_BYTES + text('payload').length;
/** What follows the nanoseconds. */
export const COUNTS = new Template(text('totalGas'), INTEGER_PLACE, text('edgeCount'), INTEGER_PLACE);
/** Its places. */
export const [GAS, EDGES] = places(COUNTS, 2);
/** The key of the coinbase. */
export const COINBASE = new Template(text('coinbase'));
/** Up to the list of transactions. */
export const FEE = new Template(text('basefee'), INTEGER_PLACE, text('txs'));
/** Its places. */
export const [BASEFEE] = places(FEE, 1);
const SIGNATURE_PIECES = [
  map(2),
  text('key'),
  ...bytesPlace(KEY_BYTES),
  text('sig'),
  ...bytesPlace(SIGNATURE_BYTES),
] as const;

/** A signature. */
export const SIGNATURE = new Template(...SIGNATURE_PIECES);
/** Its places. */
export const [SIGNER, SIGNED] = places(SIGNATURE, 2);
/** What ends a block: the key of its signature, and that. */
export const BLOCK_SIGNATURE = new Template(text('sig'), ...SIGNATURE_PIECES);
/** Its places. */
export const [BLOCK_SIGNER, BLOCK_SIGNED] = places(BLOCK_SIGNATURE, 2);

/** The first places of a template. */
export function places(template: Template, count: 1): [number];
export function places(template: Template, count: 2): [number, number];
export function places(template: Template, count: 3): [number, number, number];
export function places(template: Template, count: 4): [number, number, number, number];
export function places(template: Template, count: 5): [number, number, number, number, number];
export function places(template: Template, count: number): number[] {
  return Array.from({ length: count }, (_, index) => template.at(index));
}
