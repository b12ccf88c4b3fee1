/**
 * The hashes of the protocol at 11419398f: SHA-256 over the canonical encoding (the original's
 * sei-tendermint/internal/autobahn/types).
 */
import { hashOf } from '../codec.js';
import * as schema from './schema.js';
import type { BlockHeader, Hash, Msg, Payload } from './types.js';

/**
 * The hash of a header, which the next block of the lane contains as its parent hash.
 * @throws LANESTORE_INVALID or TypeError if the header is malformed.
 */
export function headerHash(header: BlockHeader): Hash {
  return hashOf('header', schema.blockHeader, header);
}

/**
 * The hash of a payload, which the block's header contains.
 * @throws LANESTORE_INVALID or TypeError if the payload is malformed.
 */
export function payloadHash(payload: Payload): Hash {
  return hashOf('payload', schema.payload, payload);
}

/**
 * The hash that is signed: of the message within `Msg`, whose field number separates the kinds.
 * @throws LANESTORE_INVALID or TypeError if the message is malformed.
 */
export function messageHash(msg: Msg): Hash {
  return hashOf('msg', schema.msg, msg);
}
