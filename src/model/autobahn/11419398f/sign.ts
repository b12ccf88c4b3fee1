/** Signs messages, and verifies a single signature without a committee. */
import { LanestoreError } from '../../../errors.js';
import { checked } from '../codec.js';
import { publicKeyOf, signHash, VerifyingKey } from '../ed25519.js';
import { HASH_BYTES, KEY_BYTES } from '../sizes.js';
import { messageHash } from './hash.js';
import { signature as signatureKind } from './schema.js';
import type { Block, Hash, Msg, Signature, SignedBlock } from './types.js';

/**
 * Signs a message.
 * @param secret 32 bytes, the private key of RFC 8032; the first half of the original's 64-byte
 * secret keys.
 * @throws LANESTORE_INVALID if secret or message are malformed; TypeError for wrong types.
 */
export function sign(secret: Uint8Array, msg: Msg): Signature {
  checkLength('secret', secret, KEY_BYTES);
  return { key: publicKeyOf(secret), sig: signHash(secret, messageHash(msg)) };
}

/**
 * Signs a block as a lane proposal; `secret` must be that of the lane's owner.
 * @throws as {@link sign}.
 */
export function signBlock(secret: Uint8Array, block: Block): SignedBlock {
  return { block, sig: sign(secret, { kind: 'laneProposal', value: block }) };
}

/**
 * True if the signature on this message hash was made with the key that it names, under ZIP-215.
 * Does not check whose key that is; a {@link Committee} verifies its own keys three times as fast.
 * @throws LANESTORE_INVALID for wrong lengths; TypeError for wrong types.
 */
export function verifySignature(signature: Signature, hash: Hash): boolean {
  checked('signature', signatureKind, signature);
  checkLength('hash', hash, HASH_BYTES);
  return new VerifyingKey(signature.key).verify(hash, signature.sig);
}

function checkLength(what: string, bytes: Uint8Array, length: number): void {
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`${what} must be a Uint8Array`);
  if (bytes.length !== length) {
    throw new LanestoreError('LANESTORE_INVALID', `${what} is ${bytes.length} bytes long, must be ${length}`);
  }
}
