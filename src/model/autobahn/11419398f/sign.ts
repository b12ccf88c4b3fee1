/** Signs messages of the protocol at 11419398f. */
import { signatureOf } from '../signing.js';
import { messageHash } from './hash.js';
import type { Block, Msg, Signature, SignedBlock } from './types.js';

export { verifySignature } from '../signing.js';

/**
 * Signs a message.
 * @param secret 32 bytes, the private key of RFC 8032; the first half of the original's 64-byte
 * secret keys.
 * @throws LANESTORE_INVALID if secret or message are malformed; TypeError for wrong types.
 */
export function sign(secret: Uint8Array, msg: Msg): Signature {
  return signatureOf(secret, messageHash(msg));
}

/**
 * Signs a block as a lane proposal; `secret` must be that of the lane's owner.
 * @throws as {@link sign}.
 */
export function signBlock(secret: Uint8Array, block: Block): SignedBlock {
  return { block, sig: sign(secret, { kind: 'laneProposal', value: block }) };
}
