/** The writer of Protobuf's wire format, against arithmetic of bigints. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LENGTH_DELIMITED, tagOf, VARINT, Writer } from '../../src/model/autobahn/wire.js';

const test = suite('wire writer');

const BUFFER_BYTES = 64 * 1024;
const TAG = tagOf(3, LENGTH_DELIMITED);
const INNER = tagOf(1, LENGTH_DELIMITED);

/** The low 64 bits of `value` as a varint. */
function varint(value: bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest >= 0x80n; rest /= 0x80n) bytes.push(Number(rest % 0x80n) + 0x80);
  return [...bytes, Number(rest)];
}

function written(write: (to: Writer) => void): number[] {
  const to = new Writer(BUFFER_BYTES);
  write(to);
  assert.ok(to.bytes !== undefined, 'it fits');
  return [...to.bytes];
}

/** Numbers of `bits` bits, from both ends. */
const edgesOf = (bits: number) => [2n ** BigInt(bits) - 2n, 2n ** BigInt(bits) - 1n, 2n ** BigInt(bits)];

/** Numbers of all sizes, and those where one more byte is needed. */
function numbers(bitsMax: number): fc.Arbitrary<bigint> {
  const edges = Array.from({ length: bitsMax }, (_, bits) => edgesOf(bits + 1)).flat();
  const sized = fc.integer({ min: 1, max: bitsMax }).chain((bits) => fc.bigInt(0n, 2n ** BigInt(bits) - 1n));
  return fc.oneof(sized, fc.constantFrom(...edges.filter((edge) => edge >= 0n && edge < 2n ** BigInt(bitsMax))));
}

test('numbers of 64 bits', () => {
  const tag = tagOf(2, VARINT);
  const property = fc.property(numbers(64), fc.boolean(), (number, isNegative) => {
    const value = isNegative ? BigInt.asIntN(64, -number) : number;
    assert.equal(
      written((to) => to.field64(tag, value)),
      [tag, ...varint(value)],
    );
    assert.equal(
      written((to) => to.varint64(value)),
      varint(value),
    );
  });
  fc.assert(property, { numRuns: 2000 });
});

test('lengths of messages, up to those that no buffer holds', () => {
  const property = fc.property(numbers(53), (length) => {
    assert.equal(
      written((to) => to.delimit(TAG, -Number(length))),
      [TAG, ...varint(length)],
    );
    assert.equal(
      written((to) => to.varint(Number(length))),
      varint(length),
    );
  });
  fc.assert(property, { numRuns: 2000 });
});

test('byte strings, and messages of one', () => {
  for (const length of [0, 1, 32, 125, 126, 127, 128, 129, 16_383, 16_384]) {
    const bytes = Uint8Array.from({ length }, (_, i) => i);
    assert.equal(
      written((to) => to.bytesField(TAG, bytes)),
      [TAG, ...varint(BigInt(length)), ...bytes],
    );
    if (length > 125) continue;
    assert.equal(
      written((to) => to.nestedBytes(TAG, INNER, bytes)),
      [TAG, length + 2, INNER, length, ...bytes],
    );
  }
});

test.run();
