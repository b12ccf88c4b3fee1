/** Signs hashes, and verifies a single signature without a committee. */
import { LanestoreError } from '../../errors.js';
import { checked } from './codec.js';
import { signature as signatureKind } from './common.js';
import { publicKeyOf, signHash, VerifyingKey } from './ed25519.js';
import { HASH_BYTES, KEY_BYTES } from './sizes.js';
import type { Hash, Signature } from './types.js';

/**
 * Signs the hash of a message; `secret` is 32 bytes, the private key of RFC 8032.
 * @throws LANESTORE_INVALID for a wrong length of the secret; TypeError for a wrong type.
 */
export function signatureOf(secret: Uint8Array, hash: Hash): Signature {
  checkLength('secret', secret, KEY_BYTES);
  return { key: publicKeyOf(secret), sig: signHash(secret, hash) };
}

/**
 * True if the signature on this message hash was made with the key that it names, under ZIP-215.
 * Does not check whose key that is; a committee verifies its own keys three times as fast.
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
