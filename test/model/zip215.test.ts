/**
 * ZIP-215: the rules for valid signatures. All validators must agree on every edge case, or a
 * crafted signature splits them. The rules: https://zips.z.cash/zip-0215; the 196 cases below are
 * constructed as in its test vectors.
 */
import { createHash } from 'node:crypto';
import { ed25519ctx } from '@noble/curves/ed25519.js';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Committee, publicKeyOf, verifySignature } from '../../src/model/autobahn/index.js';

const test = suite('ZIP-215');

const { Point } = ed25519ctx;
const L = Point.Fn.ORDER;
const CONTEXT = Buffer.from('sei_giga_autobahn');
const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));
const HASH = new Uint8Array(createHash('sha256').update('a message').digest());
const SECRET = new Uint8Array(32).fill(7);
const KEY = publicKeyOf(SECRET);

/** Non-canonical encodings of points: y not below p, or a sign for x = 0. */
const NON_CANONICAL = [
  `01${'00'.repeat(30)}80`, // identity, with a sign
  `ec${'ff'.repeat(31)}`, // order 2, with a sign
  `ee${'ff'.repeat(30)}7f`, // identity, y = p + 1
  `ee${'ff'.repeat(31)}`, // identity, y = p + 1, with a sign
  `ed${'ff'.repeat(30)}7f`, // order 4, y = p
  `ed${'ff'.repeat(31)}`, // order 4, y = p, the other x
];
const SMALL_ORDER = [...eightTorsion().map((point) => point.toHex()), ...NON_CANONICAL];

function eightTorsion(): InstanceType<typeof Point>[] {
  // The point with y = 3, times eight, times the group order is the identity; without the factor
  // eight, a point of order 8 remains.
  const any = Point.fromBytes(bytes(`03${'00'.repeat(31)}`), true);
  const torsion = any.multiplyUnsafe(L - 1n).add(any);
  assert.not.ok(torsion.double().double().is0(), 'the point chosen has a component of order 8');
  const multiples = [Point.ZERO];
  while (multiples.length < 8) multiples.push((multiples.at(-1) as typeof torsion).add(torsion));
  return multiples;
}

function scalarBytes(scalar: bigint): Uint8Array {
  return bytes(scalar.toString(16).padStart(64, '0')).reverse();
}

/** k = SHA-512(dom2 ‖ R ‖ A ‖ M) mod L, over the given encodings. */
function challenge(r: Uint8Array, a: Uint8Array): bigint {
  const digest = createHash('sha512')
    .update('SigEd25519 no Ed25519 collisions')
    .update(Uint8Array.of(0, CONTEXT.length))
    .update(CONTEXT)
    .update(r)
    .update(a)
    .update(HASH)
    .digest();
  return BigInt(`0x${digest.reverse().toString('hex')}`) % L;
}

/**
 * The result of all verifiers: the one for any key, and the committee's, with and without its
 * table.
 */
function verdict(key: Uint8Array, sig: Uint8Array): boolean {
  const committee = new Committee([key]);
  const alone = verifySignature({ key, sig }, HASH);
  for (let i = 0; i < 6; i++) assert.is(committee.verifies(key, HASH, sig), alone, `verification ${i}`);
  return alone;
}

test('there are 14 encodings of points of small order', () => {
  assert.is(new Set(SMALL_ORDER).size, 14);
  for (const hex of SMALL_ORDER) assert.ok(Point.fromBytes(bytes(hex), true).isSmallOrder(), hex);
});

test('every pair of them as key and R, with s = 0, is valid', () => {
  let accepted = 0;
  for (const key of SMALL_ORDER) {
    for (const r of SMALL_ORDER) {
      if (verifySignature({ key: bytes(key), sig: bytes(r + '00'.repeat(32)) }, HASH)) accepted++;
    }
  }
  assert.is(accepted, 196);
});

test('a non-canonical encoding of R is hashed as received', () => {
  const { scalar } = ed25519ctx.utils.getExtendedPublicKey(SECRET);
  for (const odd of NON_CANONICAL) {
    const r = bytes(odd);
    const s = (challenge(r, KEY) * scalar) % L;
    const sig = new Uint8Array([...r, ...scalarBytes(s)]);
    assert.ok(verdict(KEY, sig), odd);
    const normalized = Point.fromBytes(r, true).toBytes();
    const otherScalar = (challenge(normalized, KEY) * scalar) % L;
    assert.not.ok(
      verdict(KEY, new Uint8Array([...r, ...scalarBytes(otherScalar)])),
      `${odd}, hashed in canonical form`,
    );
  }
});

test('R may differ by a point of small order: the equation is multiplied by 8', () => {
  const { scalar } = ed25519ctx.utils.getExtendedPublicKey(SECRET);
  for (const torsion of eightTorsion()) {
    const r = Point.BASE.multiply(123456789n).add(torsion).toBytes();
    const s = (123456789n + challenge(r, KEY) * scalar) % L;
    assert.ok(verdict(KEY, new Uint8Array([...r, ...scalarBytes(s)])));
  }
});

test('s must be below the group order', () => {
  const sig = ed25519ctx.sign(HASH, SECRET, { context: CONTEXT });
  assert.ok(verdict(KEY, sig));
  const s = BigInt(`0x${Buffer.from(sig.subarray(32)).reverse().toString('hex')}`);
  assert.not.ok(verdict(KEY, new Uint8Array([...sig.subarray(0, 32), ...scalarBytes(s + L)])));
  assert.not.ok(verdict(KEY, new Uint8Array([...sig.subarray(0, 32), ...scalarBytes(2n ** 256n - 1n)])));
});

test('a key or an R that is not a point is invalid, without an exception', () => {
  const sig = ed25519ctx.sign(HASH, SECRET, { context: CONTEXT });
  const noPoint = bytes(`02${'00'.repeat(31)}`);
  assert.throws(() => Point.fromBytes(noPoint, true));
  assert.not.ok(verdict(noPoint, sig));
  assert.not.ok(verdict(KEY, new Uint8Array([...noPoint, ...sig.subarray(32)])));
});

test('a signature of another length is invalid', () => {
  const committee = new Committee([KEY]);
  for (const length of [0, 32, 63, 65]) assert.not.ok(committee.verifies(KEY, HASH, new Uint8Array(length)));
});

test('another context, or none, gives another signature', () => {
  assert.not.ok(verdict(KEY, ed25519ctx.sign(HASH, SECRET, { context: Buffer.from('sei_giga_autobahm') })));
  assert.not.ok(verdict(KEY, ed25519ctx.sign(HASH, SECRET, { context: new Uint8Array(0) })));
});

test.run();
