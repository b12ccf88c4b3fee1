/**
 * Ed25519ctx (RFC 8032) with Autobahn's context, verified under ZIP-215 rules as in the original at
 * 11419398f (sei-tendermint/crypto/ed25519, curve25519-voi): [8][s]B = [8]R + [8][k]A, with s below
 * the group order, and with A and R in any encoding that decompresses.
 *
 * Verification uses noble's points instead of its `verify`, for two reasons. First, `verify` hashes
 * A and R in re-encoded form, while ZIP-215 hashes them as received: for the few non-canonical
 * encodings, its result would differ from that of all other nodes. Second, a validator's key is
 * used many times, so a table of its multiples, which `verify` does not support, makes verification
 * three times as fast.
 */
import { createHash } from 'node:crypto';
import { ed25519ctx } from '@noble/curves/ed25519.js';

const CONTEXT = Buffer.from('sei_giga_autobahn');
/** dom2(0, context) of RFC 8032 section 2. */
const DOM2 = Buffer.concat([
  Buffer.from('SigEd25519 no Ed25519 collisions'),
  Buffer.from([0, CONTEXT.length]),
  CONTEXT,
]);

const { Point } = ed25519ctx;
const GROUP_ORDER = Point.Fn.ORDER;

/**
 * Number of verifications after which a key's table is built. Building it costs about as much as
 * four verifications.
 */
const TABLE_AFTER = 4;
/**
 * Window size of the table, in bits: 520 points, about 100 KiB for each key. One more bit would
 * double the table and save a quarter of the time.
 */
const TABLE_WINDOW = 4;

/** A public key, ready to verify with. */
export class VerifyingKey {
  readonly #encoded: Uint8Array;
  readonly #point: ReturnType<typeof decompress>;
  #verified = 0;

  constructor(encoded: Uint8Array) {
    this.#encoded = encoded;
    this.#point = decompress(encoded);
  }

  /**
   * True if `sig` is this key's signature on `hash`. Always false for a key that is not a curve
   * point.
   */
  verify(hash: Uint8Array, sig: Uint8Array): boolean {
    if (sig.length !== 64) return false;
    const point = this.#point;
    const r = sig.subarray(0, 32);
    const R = decompress(r);
    const s = littleEndian(sig.subarray(32));
    if (point === undefined || R === undefined || s >= GROUP_ORDER) return false;
    if (++this.#verified === TABLE_AFTER) point.precompute(TABLE_WINDOW);
    const digest = createHash('sha512').update(DOM2).update(r).update(this.#encoded).update(hash).digest();
    const k = littleEndian(digest) % GROUP_ORDER;
    return R.add(point.multiplyUnsafe(k)).subtract(Point.BASE.multiplyUnsafe(s)).clearCofactor().is0();
  }
}

/**
 * The signature of the 32-byte `secret` (the first half of the original's 64-byte secret keys) on
 * `hash`: 64 bytes.
 */
export function signHash(secret: Uint8Array, hash: Uint8Array): Uint8Array {
  return ed25519ctx.sign(hash, secret, { context: CONTEXT });
}

/** The public key of a 32-byte secret. */
export function publicKeyOf(secret: Uint8Array): Uint8Array {
  return ed25519ctx.getPublicKey(secret);
}

function decompress(encoded: Uint8Array): InstanceType<typeof Point> | undefined {
  try {
    return Point.fromBytes(encoded, true);
  } catch {
    return undefined;
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}
