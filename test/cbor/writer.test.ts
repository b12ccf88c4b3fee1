/**
 * The writer of records writes the same bytes as cbor-x, and refuses values that would not decode
 * to an equal value.
 */
import { Decoder, Encoder } from 'cbor-x';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CborWriter } from '../../src/cbor/writer.js';

const test = suite('cbor writer');
const options = { useRecords: false, tagUint8Array: false, variableMapSize: true };
const encoder = new Encoder(options);
const decoder = new Decoder(options);

function write(value: unknown, writer = new CborWriter()): Buffer {
  writer.begin();
  writer.value(value);
  const { buffer, byteOffset, length } = writer.end();
  return Buffer.from(buffer, byteOffset, length);
}

const scalar = fc.oneof(
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n - 1n }),
  fc.integer({ min: -(2 ** 31), max: 2 ** 32 - 1 }),
  // cbor-x makes 0 of -0; see below.
  fc.double({ noNaN: true }).map((value) => (value === 0 ? 0 : value)),
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array({ maxLength: 300 }),
);
const { body } = fc.letrec((tie) => ({
  body: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie('body'), { maxLength: 30 }),
    fc.dictionary(fc.string({ maxLength: 12 }), tie('body'), { maxKeys: 30 }),
  ),
}));

/** Plain objects with plain byte arrays, as `equal` compares them. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, v]) => [key, plain(v)]));
  return value;
}

test('any plain value round-trips, in the bytes of cbor-x', () => {
  const writer = new CborWriter();
  fc.assert(
    fc.property(body, (value) => {
      const bytes = write(value, writer);
      assert.equal(plain(decoder.decode(new Uint8Array(bytes))), plain(value));
      assert.is(bytes.toString('hex'), encoder.encode(value).toString('hex'));
    }),
    { numRuns: 1000, seed: 1 },
  );
});

test('heads are the shortest at every border', () => {
  for (const length of [0, 23, 24, 255, 256, 65535, 65536]) {
    const bytes = new Uint8Array(length).fill(7);
    assert.is(Buffer.compare(write(bytes), encoder.encode(bytes)), 0, `bytes of ${length}`);
    const text = 'x'.repeat(length);
    assert.is(Buffer.compare(write(text), encoder.encode(text)), 0, `text of ${length}`);
    const array = Array.from({ length }, () => 1);
    assert.is(Buffer.compare(write(array), encoder.encode(array)), 0, `array of ${length}`);
  }
  for (const number of [
    0,
    23,
    24,
    255,
    256,
    65535,
    65536,
    2 ** 32 - 1,
    2 ** 32,
    -1,
    -24,
    -25,
    -256,
    -257,
    -65537,
    0.5,
  ]) {
    assert.is(write(number).toString('hex'), encoder.encode(number).toString('hex'), `number ${number}`);
  }
});

test('minus zero is preserved', () => {
  assert.ok(Object.is(decoder.decode(write(-0)), -0));
});

test('every bigint takes nine bytes', () => {
  const cases: [value: bigint, hex: string][] = [
    [0n, '1b0000000000000000'],
    [2n ** 64n - 1n, '1bffffffffffffffff'],
    [-1n, '3b0000000000000000'],
    [-(2n ** 63n), '3b7fffffffffffffff'],
  ];
  for (const [value, hex] of cases) assert.is(write(value).toString('hex'), hex);
});

test('values that are not plain are refused', () => {
  const cases = [
    undefined,
    () => 1,
    Symbol('x'),
    new Date(),
    new Map(),
    new (class Foo {})(),
    2n ** 64n,
    -(2n ** 64n) - 1n,
    [undefined],
    { a: undefined },
    new Float32Array(1),
  ];
  for (const value of cases)
    assert.throws(
      () => write(value),
      (error: unknown) => error instanceof TypeError,
    );
});

test('a finished item keeps its bytes, whatever is written or refused later', () => {
  const writer = new CborWriter();
  const items = Array.from({ length: 200 }, (_, i) => ({ i, data: new Uint8Array(i * 97).fill(i) }));
  const written = items.map((item, i) => {
    if (i % 7 === 3) assert.throws(() => write({ data: item.data, bad: undefined }, writer));
    return write(item, writer);
  });
  for (const [i, bytes] of written.entries())
    assert.is(Buffer.compare(bytes, encoder.encode(items[i])), 0, `item ${i}`);
});

test('items larger than the arena are whole', () => {
  const writer = new CborWriter();
  for (const length of [300_000, 5_000_000, 10]) {
    const item = { a: new Uint8Array(length).fill(1), b: [new Uint8Array(length).fill(2)] };
    assert.is(Buffer.compare(write(item, writer), encoder.encode(item)), 0);
  }
});

test.run();
